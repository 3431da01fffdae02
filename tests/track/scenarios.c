/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What happens to objects in front of a camera, as tables: each walks from key to key, the one
 * whose feet are lower is nearer, and what is covered is seen badly or not at all. */
#include <math.h>
#include <string.h>

#include "../unit/check.h"
#include <fovea/tracker.h>

#define FPS 25
#define WIDTH 640
#define HEIGHT 360
#define MAX_OBJECTS 3
#define MAX_KEYS 5

typedef struct {
    int frame; /* the last key's: it ends there */
    float x, feet;
} Key;

typedef struct {
    Key keys[MAX_KEYS];
    int missed[2]; /* the detector does not see it from one frame to another */
    float height;
    guint8 color[3];
} Object;

typedef struct {
    const char *name;
    int frames;
    Object objects[MAX_OBJECTS];
    FovBox post;       /* something that is no object, nearer than all */
    gboolean pictures; /* painted, for looks */
    float shake;       /* pixels that the camera jumps by, and says so */
    int dark[2];       /* frames between which the light is off */
    guint ids;         /* identities shown in all: as many as objects unless someone comes back */
} Scenario;

#define RED                                                                                        \
    {                                                                                              \
        200, 40, 40                                                                                \
    }
#define BLUE                                                                                       \
    {                                                                                              \
        40, 60, 200                                                                                \
    }
#define GREEN                                                                                      \
    {                                                                                              \
        40, 180, 60                                                                                \
    }

static const Scenario scenarios[] = {
    { .name = "crossing",
      .frames = 150,
      .objects = { { { { 0, 60, 250 }, { 150, 560, 250 } }, { 0 }, 120, RED },
                   { { { 0, 560, 270 }, { 150, 60, 270 } }, { 0 }, 120, BLUE } },
      .ids = 2 },
    { .name = "full hide",
      .frames = 200,
      .objects = { { { { 0, 60, 250 }, { 200, 560, 250 } }, { 0 }, 120, RED } },
      .post = { 290, 100, 370, 300 },
      .ids = 1 },
    { .name = "merge and split",
      .frames = 200,
      .objects = { { { { 0, 100, 250 }, { 80, 300, 250 }, { 120, 320, 250 }, { 200, 150, 250 } },
                     { 0 },
                     120,
                     RED },
                   { { { 0, 500, 262 }, { 80, 330, 262 }, { 120, 345, 262 }, { 200, 560, 262 } },
                     { 0 },
                     120,
                     BLUE } },
      .ids = 2 },
    { .name = "long gap",
      .frames = 150,
      .objects = { { { { 0, 200, 250 }, { 150, 290, 250 } }, { 60, 90 }, 120, RED },
                   { { { 0, 500, 300 }, { 150, 420, 300 } }, { 0 }, 120, BLUE } },
      .ids = 2 },
    { .name = "camera shake",
      .frames = 150,
      .objects = { { { { 0, 100, 250 }, { 150, 300, 250 } }, { 0 }, 100, RED },
                   { { { 0, 160, 255 }, { 150, 360, 255 } }, { 0 }, 100, BLUE } },
      .shake = 40,
      .ids = 2 },
    { .name = "entering and leaving",
      .frames = 260,
      .objects = { { { { 0, 400, 250 }, { 80, 700, 250 } }, { 0 }, 120, RED },
                   { { { 150, 680, 250 }, { 260, 300, 250 } }, { 0 }, 120, BLUE },
                   { { { 100, -30, 300 }, { 260, 300, 300 } }, { 0 }, 120, GREEN } },
      .ids = 3 },
    { .name = "stop and go",
      .frames = 200,
      .objects = { { { { 0, 60, 250 }, { 50, 260, 250 }, { 100, 260, 250 }, { 200, 560, 250 } },
                     { 0 },
                     120,
                     RED },
                   { { { 0, 560, 290 }, { 60, 290, 290 }, { 140, 290, 290 }, { 200, 60, 290 } },
                     { 0 },
                     120,
                     BLUE } },
      .ids = 2 },
    { .name = "light switch",
      .frames = 150,
      .objects = { { { { 0, 100, 250 }, { 150, 300, 250 } }, { 0 }, 120, RED },
                   { { { 0, 180, 256 }, { 150, 380, 256 } }, { 0 }, 120, BLUE } },
      .pictures = TRUE,
      .dark = { 50, 100 },
      .ids = 2 },
    /* It goes out while they pass each other unseen, and comes back on in the open. */
    { .name = "light switch behind a post",
      .frames = 200,
      .objects = { { { { 0, 60, 250 }, { 200, 560, 250 } }, { 0 }, 120, RED },
                   { { { 0, 560, 252 }, { 200, 60, 252 } }, { 0 }, 120, BLUE } },
      .post = { 290, 100, 350, 300 },
      .pictures = TRUE,
      .dark = { 96, 150 },
      .ids = 2 },
    /* Both meet behind the post and turn back: by their motion they would have gone on. */
    { .name = "turn round behind a post, told apart by their looks",
      .frames = 200,
      .objects = { { { { 0, 100, 250 }, { 70, 310, 250 }, { 100, 320, 250 }, { 200, 60, 250 } },
                     { 0 },
                     120,
                     RED },
                   { { { 0, 560, 252 }, { 70, 350, 252 }, { 100, 340, 252 }, { 200, 600, 252 } },
                     { 0 },
                     120,
                     BLUE } },
      .post = { 260, 100, 400, 300 },
      .pictures = TRUE,
      .ids = 2 },
};

static gboolean
place (const Object *o, int frame, FovBox *box)
{
    guint k = 0;

    if (o->height == 0 || frame < o->keys[0].frame)
        return FALSE;
    while (k + 2 < MAX_KEYS && o->keys[k + 1].frame < frame && o->keys[k + 2].frame > 0)
        k++;
    const Key *a = &o->keys[k], *b = a + 1;
    if (frame > b->frame)
        return FALSE;
    float t = (float) (frame - a->frame) / (float) (b->frame - a->frame);
    float x = a->x + t * (b->x - a->x), feet = a->feet + t * (b->feet - a->feet);
    *box = (FovBox){ x - o->height * 0.2f, feet - o->height, x + o->height * 0.2f, feet };
    return TRUE;
}

static float
covered (FovBox a, FovBox b)
{
    float w = fminf (a.x2, b.x2) - fmaxf (a.x1, b.x1), h = fminf (a.y2, b.y2) - fmaxf (a.y1, b.y1);
    return w > 0 && h > 0 ? w * h / fov_box_area (a) : 0;
}

/* The share of object i that can be seen. */
static float
visible (const Scenario *s, guint i, int frame, FovBox box)
{
    FovBox picture = { 0, 0, WIDTH, HEIGHT }, other;
    float hidden = fmaxf (covered (box, s->post), 1 - covered (box, picture));

    for (guint k = 0; k < MAX_OBJECTS; k++)
        if (k != i && place (&s->objects[k], frame, &other) && other.y2 > box.y2)
            hidden = fmaxf (hidden, covered (box, other));
    return 1 - hidden;
}

static void
fill (FovImage *image, FovBox box, const guint8 color[3], float light)
{
    FovBox b = fov_box_clip (box, WIDTH, HEIGHT);

    for (int y = (int) b.y1; y < (int) b.y2; y++)
        for (int x = (int) b.x1; x < (int) b.x2; x++)
            for (int c = 0; c < 3; c++)
                image->plane[0][y * image->stride[0] + 3 * x + c] =
                    (guint8) ((float) color[c] * light + (float) ((x * 7 + y * 13) % 9));
}

/* Far ones first, the post last. */
static void
paint (const Scenario *s, int frame, FovImage *image)
{
    const guint8 grey[3] = { 120, 120, 120 }, black[3] = { 30, 30, 30 };
    float light = frame >= s->dark[0] && frame < s->dark[1] ? 0.35f : 1;
    gboolean done[MAX_OBJECTS] = { FALSE };

    fill (image, (FovBox){ 0, 0, WIDTH, HEIGHT }, grey, light);
    for (guint n = 0; n < MAX_OBJECTS; n++) {
        int far = -1;
        FovBox box, best = { 0, 0, 0, INFINITY };
        for (guint i = 0; i < MAX_OBJECTS; i++)
            if (!done[i] && place (&s->objects[i], frame, &box) && box.y2 < best.y2) {
                far = (int) i;
                best = box;
            }
        if (far < 0)
            break;
        done[far] = TRUE;
        fill (image, best, s->objects[far].color, light);
    }
    fill (image, s->post, black, light);
}

typedef struct {
    FovDetection detections[MAX_OBJECTS];
    int object[MAX_OBJECTS]; /* whose each is */
    guint n;
} Seen;

static float
jitter (GRand *rand, float size)
{
    return (float) g_rand_double_range (rand, -0.03, 0.03) * size;
}

static Seen
detect (const Scenario *s, int frame, GRand *rand, float dx, float dy)
{
    Seen seen = { .n = 0 };
    FovBox b;

    for (guint i = 0; i < MAX_OBJECTS; i++) {
        const Object *o = &s->objects[i];
        float jx = jitter (rand, 48), jy = jitter (rand, 100);
        if (!place (o, frame, &b) || (frame >= o->missed[0] && frame < o->missed[1]))
            continue;
        float v = visible (s, i, frame, b);
        if (v < 0.4f)
            continue;
        seen.object[seen.n] = (int) i;
        seen.detections[seen.n++] =
            (FovDetection){ { b.x1 + jx + dx, b.y1 + jy + dy, b.x2 + jx + dx, b.y2 + jy + dy },
                            v < 0.7f ? 0.4f : 0.9f,
                            0 };
    }
    return seen;
}

/* Who holds which object: one identity for each, all along. */
typedef struct {
    guint64 id[MAX_OBJECTS];
    guint switches, shown, of;
    guint64 story; /* who was whom, and where, picture by picture */
    GHashTable *ids;
} Book;

static void
keep_books (Book *book, const Seen *seen, const GArray *tracks)
{
    book->of += seen->n;
    for (guint i = 0; i < tracks->len; i++) {
        const FovTrack *t = &g_array_index (tracks, FovTrack, i);
        if (t->detection < 0 || !fov_track_is_shown (t))
            continue;
        guint64 *id = &book->id[seen->object[t->detection]];
        book->switches += *id != 0 && *id != t->id;
        book->shown++;
        *id = t->id;
        book->story = book->story * 1000003 + t->id * 31 + (guint64) seen->object[t->detection];
        for (guint k = 0; k < 4; k++) {
            guint32 bits;
            memcpy (&bits, &((const float *) &t->box)[k], sizeof bits);
            book->story = book->story * 1000003 + bits;
        }
        g_hash_table_add (book->ids, GSIZE_TO_POINTER (t->id));
    }
}

/* The last first. */
static void
turn_round (Seen *seen)
{
    const Seen was = *seen;

    for (guint i = 0; i < was.n; i++) {
        seen->detections[i] = was.detections[was.n - 1 - i];
        seen->object[i] = was.object[was.n - 1 - i];
    }
}

static void
play (const Scenario *s, const char *name, gboolean turned, Book *book)
{
    FovTrackerParams params = { .frame_rate = FPS };
    GError *error = NULL;
    g_autoptr (FovTracker) tracker = fov_tracker_new (name, &params, &error);
    g_autoptr (GArray) tracks = g_array_new (FALSE, FALSE, sizeof (FovTrack));
    g_autoptr (GRand) rand = g_rand_new_with_seed (5);
    FovImage image;
    float last_x = 0, last_y = 0;

    assert_fov_ok (fov_image_alloc (&image, FOV_PIXEL_RGB, WIDTH, HEIGHT, &error), error);
    for (int frame = 0; frame < s->frames; frame++) {
        float dx = s->shake * (float) g_rand_double_range (rand, -0.5, 0.5);
        float dy = s->shake * (float) g_rand_double_range (rand, -0.5, 0.5);
        Seen seen = detect (s, frame, rand, dx, dy);
        if (turned)
            turn_round (&seen);
        const double m[6] = { 1, 0, dx - last_x, 0, 1, dy - last_y };
        last_x = dx, last_y = dy;
        if (s->shake > 0)
            assert_true (fov_tracker_set_camera_motion (tracker, m, NULL));
        if (s->pictures)
            paint (s, frame, &image);
        assert_fov_ok (fov_tracker_update (tracker, s->pictures ? &image : NULL, WIDTH, HEIGHT,
                                           seen.detections, seen.n, TRUE,
                                           (gint64) frame * (1000000000 / FPS), tracks, &error),
                       error);
        keep_books (book, &seen, tracks);
    }
    g_free (image.plane[0]);
}

static void
test_scenarios (void **state)
{
    guint failed = 0;

    for (gsize i = 0; i < G_N_ELEMENTS (scenarios); i++) {
        const Scenario *s = &scenarios[i];
        Book book = { .ids = g_hash_table_new (g_direct_hash, g_direct_equal) };
        play (s, "fovea", FALSE, &book);
        guint ids = g_hash_table_size (book.ids);
        print_message ("# %s: %u identities, %u switches, %u of %u detections shown\n", s->name,
                       ids, book.switches, book.shown, book.of);
        failed += ids != s->ids || book.switches > 0 || book.shown * 10 < book.of * 9;
        g_hash_table_unref (book.ids);
    }
    assert_int_equal (failed, 0);
}

/* Bit for bit the same tracks whatever the detections' order, with looks too. */
static void
test_order (void **state)
{
    for (gsize i = 0; i < G_N_ELEMENTS (scenarios); i++) {
        guint64 story[2] = { 0 };
        for (int turned = 0; scenarios[i].pictures && turned < 2; turned++) {
            Book book = { .ids = g_hash_table_new (g_direct_hash, g_direct_equal) };
            play (&scenarios[i], "fovea", turned, &book);
            story[turned] = book.story;
            g_hash_table_unref (book.ids);
        }
        if (story[0] != story[1])
            fail_msg ("%s: other tracks in another order", scenarios[i].name);
    }
}

/* The others are worse at it, and none crashes. */
static void
test_others (void **state)
{
    guint fovea = 0;

    for (const char *const *name = fov_tracker_names (); *name; name++) {
        guint switches = 0;
        for (gsize i = 0; i < G_N_ELEMENTS (scenarios); i++) {
            Book book = { .ids = g_hash_table_new (g_direct_hash, g_direct_equal) };
            play (&scenarios[i], *name, FALSE, &book);
            switches += book.switches;
            g_hash_table_unref (book.ids);
        }
        print_message ("# %s: %u switches\n", *name, switches);
        if (g_str_equal (*name, "fovea"))
            fovea = switches;
        assert_true (switches >= fovea);
    }
}

/* A hidden track says that it is hidden, and by whom. */
static void
test_explanation (void **state)
{
    g_autoptr (FovTracker) tracker = fov_tracker_new (NULL, NULL, NULL);
    g_autoptr (GArray) tracks = g_array_new (FALSE, FALSE, sizeof (FovTrack));
    const FovDetection both[2] = { { { 100, 100, 140, 200 }, 0.9f, 0 },
                                   { { 105, 105, 150, 215 }, 0.8f, 0 } };
    gboolean said = FALSE;

    for (int frame = 0; frame < 30; frame++) {
        gboolean hidden = frame >= 20;
        assert_true (fov_tracker_update (tracker, NULL, WIDTH, HEIGHT, hidden ? both + 1 : both,
                                         hidden ? 1 : 2, TRUE, (gint64) frame * 33333333, tracks,
                                         NULL));
        const FovTrack *t = &g_array_index (tracks, FovTrack, 0);
        assert_int_equal (tracks->len, 2);
        assert_int_equal (t->occluder, 2);
        assert_true (t->visibility < 0.3f);
        if (!hidden)
            continue;
        assert_int_equal (t->state, FOV_TRACK_OCCLUDED);
        said = said || t->reason == FOV_TRACK_REASON_OCCLUDED;
    }
    assert_true (said);
}

/* Someone half hidden by another one: the detector draws all of them, then the upper half alone,
 * and all again. Half of them is visible all the time. */
static void
test_cut_off (void **state)
{
    g_autoptr (FovTracker) tracker = fov_tracker_new (NULL, NULL, NULL);
    g_autoptr (GArray) tracks = g_array_new (FALSE, FALSE, sizeof (FovTrack));

    for (int frame = 0; frame < 40; frame++) {
        gboolean cut = frame >= 20 && frame < 30;
        const FovDetection both[2] = { { { 100, 100, 140, cut ? 150 : 200 }, 0.9f, 0 },
                                       { { 95, 150, 150, 260 }, 0.8f, 0 } };
        assert_true (fov_tracker_update (tracker, NULL, WIDTH, HEIGHT, both, 2, TRUE,
                                         (gint64) frame * 33333333, tracks, NULL));
        const FovTrack *t = &g_array_index (tracks, FovTrack, 0);
        assert_int_equal (t->detection, 0);
        assert_int_equal (t->box.y2 < 180, cut);
        assert_float_equal (t->whole.y2 - t->whole.y1, 100, 3);
        /* The filter takes the middle of what is left for the middle of all: an eighth off. */
        assert_float_equal (t->visibility, 0.5, cut ? 0.13 : 0.07);
        assert_int_equal (t->occluder, g_array_index (tracks, FovTrack, 1).id);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_scenarios), cmocka_unit_test (test_order),
        cmocka_unit_test (test_others),    cmocka_unit_test (test_explanation),
        cmocka_unit_test (test_cut_off),
    };
    return RUN ("scenarios", tests);
}
