/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/features-color.h"
#include "trackers/kalman.h"
#include "trackers/palette.h"
#include "trackers/seek.h"
#include "trackers/shift.h"
#include "trackers/visual.h"

#include <fovea/visual.h>

#include <math.h>

/* Standard deviations over the root of the target's area, per picture: of what
 * is measured, and of what changes by itself. */
#define NOISE 0.05f
#define NOISE_UNSURE 0.1f
#define SIZE_NOISE 0.01f
#define DRIFT 0.02f
#define DRIFT_VELOCITY 0.015f
#define DRIFT_SIZE 0.05f
/* Pixels. */
#define SIDE_LEAST 2.0
/* Nanoseconds between two pictures, whatever their times say: a millisecond to
 * an hour. */
#define SHORTEST 1e6
#define LONGEST 3.6e12
/* What is left of the velocity after each picture unseen. */
#define FRICTION 0.99f

/* A target is found about this far from where it is predicted, over its size: a
 * running mean. */
#define JUMP_FIRST 0.3f
#define JUMP_LEAST 0.05f
#define JUMP_RATE 0.1f
/* A place's prior is a Gaussian this many mean jumps wide, and wider with every
 * picture unseen. */
#define JUMP_WIDTH 3.0f
#define LOST_WIDTH 0.03f
#define PRIOR_POWER 0.3f
/* In the end a place counts wherever it is, but for less. */
#define ANYWHERE_GROWTH 0.05f
#define ANYWHERE_MOST 0.8f

/* Least worth, a share of the usual score, for learning, for being seen and for
 * being back. */
#define SURE 0.7f
#define SEEN 0.55f
#define BACK 0.6f
/* How fast what is usual follows what is found; the first pictures score too
 * well. */
#define SURE_RATE 0.15f
#define SEEN_RATE 0.1f
#define LOST_RATE 0.01f
#define FIRST_SHARE 0.7f

/* The camera's motion helps unless it makes the target's less even by this
 * factor. */
#define CAMERA_BIAS 0.7f
#define CAMERA_RATE 0.1f
#define VELOCITY_RATE 0.3f

/* After so many pictures unseen the search is twice as wide, and particles look
 * for colours. */
#define WIDEN_AFTER 5
#define PARTICLES_AFTER 3
#define PARTICLES 200
#define PARTICLE_SEED 20250101
#define PALETTE_RATE 0.05f
/* Least share of the box inside of the picture for learning from it. */
#define LEARN_INSIDE 0.3f

typedef struct {
    float x, y;
} Vector;

/* Whether the target moves more evenly against the picture or against the
 * scene. */
typedef struct {
    Vector last;         /* where it was */
    Vector still, moved; /* mean motion per picture, without the camera's and less it */
    float still_error, moved_error;
    gboolean used; /* the Kalman filter's velocity is against the scene */
} Camera;

struct _FovFollower {
    FovVisual *visual; /* borrowed */
    FovShift *shift;
    FovPatcher *patcher;
    FovParticles *particles;
    guint target;      /* 0: none */
    int width, height; /* of the pictures */
    gint64 pts;
    double interval; /* ns between pictures, running mean */
    FovKalman motion;
    Camera camera;
    FovPalette palette;     /* the target's usual colours */
    float score, apce, psr; /* usual ones; 0 before the first */
    float jump;
    guint lost; /* pictures since it was last seen */
};

FovFollower *
fov_follower_new (FovVisual *visual, guint64 seed, GError **error)
{
    FovShift *shift = fov_shift_new (error);
    if (!shift)
        return NULL;
    FovFollower *follower = g_new0 (FovFollower, 1);
    follower->visual = visual;
    follower->shift = shift;
    follower->patcher = fov_patcher_new ();
    follower->particles = fov_particles_new (PARTICLES, PARTICLE_SEED + seed);
    fov_color_names_init ();
    return follower;
}

void
fov_follower_free (FovFollower *follower)
{
    if (!follower)
        return;
    if (follower->target)
        fov_visual_remove (follower->visual, follower->target);
    fov_shift_free (follower->shift);
    fov_patcher_free (follower->patcher);
    fov_particles_free (follower->particles);
    g_free (follower);
}

static float
size_of (const FovFollower *follower)
{
    return (float) sqrt (fmax (follower->motion.x[2] * follower->motion.x[3], 1.0));
}

static FovBox
box_at (const FovFollower *follower, double x, double y)
{
    double w = 0.5 * follower->motion.x[2], h = 0.5 * follower->motion.x[3];
    return (FovBox){ (float) (x - w), (float) (y - h), (float) (x + w), (float) (y + h) };
}

static Vector
centre_of (FovBox box)
{
    return (Vector){ 0.5f * (box.x1 + box.x2), 0.5f * (box.y1 + box.y2) };
}

static void
measure (FovBox box, double z[FOV_KALMAN_N])
{
    Vector centre = centre_of (box);
    z[0] = centre.x;
    z[1] = centre.y;
    z[2] = (double) box.x2 - box.x1;
    z[3] = (double) box.y2 - box.y1;
}

gboolean
fov_follower_init (FovFollower *follower, const FovImage *image, FovBox box, gint64 pts,
                   GError **error)
{
    guint target = fov_visual_add (follower->visual, image, box, error);
    if (!target)
        return FALSE;
    if (follower->target)
        fov_visual_remove (follower->visual, follower->target);
    follower->target = target;
    follower->width = image->width;
    follower->height = image->height;
    follower->pts = pts;
    follower->interval = 0.0;

    double z[FOV_KALMAN_N];
    measure (box, z);
    double area = z[2] * z[3], p = 1e-4 * area, v = 0.02 * area;
    const double variance[FOV_KALMAN_STATE] = { p, p, p, p, v, v, 0.0, 0.0 };
    fov_kalman_init (&follower->motion, z, variance);
    follower->camera = (Camera){ .last = centre_of (box), .used = TRUE };
    follower->score = follower->apce = follower->psr = 0.0f;
    follower->jump = JUMP_FIRST;
    follower->lost = 0;
    fov_palette_take (&follower->palette, follower->patcher, image, box);
    Vector shift;
    fov_shift_reset (follower->shift);
    fov_shift_update (follower->shift, image, &shift.x, &shift.y);
    return TRUE;
}

/* Time since the last picture, in usual intervals: dropped pictures are
 * bridged. */
static double
intervals_since (FovFollower *follower, gint64 pts)
{
    double passed = CLAMP ((double) pts - (double) follower->pts, SHORTEST, LONGEST);
    follower->pts = pts;
    if (follower->interval <= 0.0)
        follower->interval = passed;
    double usual = follower->interval;
    follower->interval += 0.1 * (CLAMP (passed, 0.5 * usual, 2.0 * usual) - usual);
    return CLAMP (passed / usual, 0.1, 50.0);
}

/* Chooses what the velocity is measured against; it is taken over where that
 * changes. */
static void
choose_camera (FovFollower *follower)
{
    Camera *camera = &follower->camera;
    gboolean use = CAMERA_BIAS * camera->moved_error <= camera->still_error;
    if (use == camera->used)
        return;
    float sign = use ? 1.0f : -1.0f;
    follower->motion.x[4] += sign * (camera->moved.x - camera->still.x);
    follower->motion.x[5] += sign * (camera->moved.y - camera->still.y);
    camera->used = use;
}

static void
weigh_camera (Camera *camera, Vector now, Vector shift)
{
    float dx = now.x - camera->last.x, dy = now.y - camera->last.y;
    float mx = dx - shift.x, my = dy - shift.y;
    float still = hypotf (dx - camera->still.x, dy - camera->still.y);
    float moved = hypotf (mx - camera->moved.x, my - camera->moved.y);
    camera->still_error += CAMERA_RATE * (still - camera->still_error);
    camera->moved_error += CAMERA_RATE * (moved - camera->moved_error);
    camera->still.x += VELOCITY_RATE * (dx - camera->still.x);
    camera->still.y += VELOCITY_RATE * (dy - camera->still.y);
    camera->moved.x += VELOCITY_RATE * (mx - camera->moved.x);
    camera->moved.y += VELOCITY_RATE * (my - camera->moved.y);
    camera->last = now;
}

static void
predict (FovFollower *follower, double dt, Vector shift)
{
    FovKalman *motion = &follower->motion;
    double size = size_of (follower), p = size * DRIFT, v = size * DRIFT_VELOCITY;
    double s = size * DRIFT_SIZE;
    const double noise[FOV_KALMAN_STATE] = { p * p * dt, p * p * dt, s * s * dt, s * s * dt,
                                             v * v * dt, v * v * dt, 0.0,        0.0 };
    const double m[6] = { 1.0, 0.0, shift.x, 0.0, 1.0, shift.y };
    fov_kalman_warp (motion, m, FALSE);
    if (follower->lost > 0) {
        motion->x[4] *= pow (FRICTION, dt);
        motion->x[5] *= pow (FRICTION, dt);
    }
    fov_kalman_predict (motion, dt, noise);
    /* What leaves the picture is waited for where it left. */
    motion->x[0] = CLAMP (motion->x[0], 0.0, follower->width);
    motion->x[1] = CLAMP (motion->x[1], 0.0, follower->height);
}

/*
 * While it is long unseen, particles drift about the predicted place to where
 * the colours are the target's; the search goes there in every other picture.
 */
static FovBox
search_box (FovFollower *follower, const FovImage *image, double dt, Vector shift)
{
    const double *x = follower->motion.x;
    float size = size_of (follower);
    if (follower->lost < PARTICLES_AFTER)
        return box_at (follower, x[0], x[1]);
    if (follower->lost == PARTICLES_AFTER) {
        FovParticle centre = { (float) x[0], (float) x[1], (float) x[4], (float) x[5], 1.0f };
        fov_seek_start (follower->particles, centre, size);
    } else {
        fov_seek_move (follower->particles, (float) dt, shift.x, shift.y, size);
    }
    float fit = fov_seek_weigh (follower->particles, follower->patcher, image, &follower->palette,
                                x[2], x[3]);
    FovParticle mean = fov_particles_mean (follower->particles, NULL);
    if (fit <= 0.0f || follower->lost % 2 == 0)
        return box_at (follower, x[0], x[1]);
    return box_at (follower, CLAMP (mean.x, 0.0f, (float) follower->width),
                   CLAMP (mean.y, 0.0f, (float) follower->height));
}

/* Distance of a box's centre from the predicted one, over the target's size. */
static float
distance_of (const FovFollower *follower, FovBox box)
{
    Vector centre = centre_of (box);
    return hypotf (centre.x - (float) follower->motion.x[0],
                   centre.y - (float) follower->motion.x[1]) /
           size_of (follower);
}

static float
prior_of (const FovFollower *follower, FovBox box)
{
    float width = JUMP_WIDTH * follower->jump + LOST_WIDTH * (float) follower->lost;
    float d = distance_of (follower, box) / width;
    return expf (-0.5f * d * d);
}

/* The better of the two places found, and what it is worth against the usual.
 */
static FovBox
judge (FovFollower *follower, const FovVisualFound *found, float *worth)
{
    if (follower->score <= 0.0f) {
        follower->score = FIRST_SHARE * found->score;
        follower->apce = FIRST_SHARE * found->apce;
        follower->psr = FIRST_SHARE * found->psr;
    }
    float share = found->score / fmaxf (follower->score, 1e-6f);
    float shape = sqrtf (found->apce / fmaxf (follower->apce, 1e-6f));
    FovBox box = found->box;
    float prior = prior_of (follower, box), other = prior_of (follower, found->second_box);
    if (found->second * other > prior) {
        box = found->second_box;
        prior = other;
        share *= found->second;
    }
    float anywhere = fminf (ANYWHERE_GROWTH * (float) follower->lost, ANYWHERE_MOST);
    *worth = fminf (share, shape) * fmaxf (powf (prior, PRIOR_POWER), anywhere);
    return box;
}

static void
correct (FovFollower *follower, FovBox box, gboolean sure)
{
    double z[FOV_KALMAN_N], size = size_of (follower);
    double p = size * (sure ? NOISE : NOISE_UNSURE), s = sure ? size * SIZE_NOISE : INFINITY;
    const double noise[FOV_KALMAN_N] = { p * p, p * p, s * s, s * s };
    measure (box, z);
    fov_kalman_correct (&follower->motion, z, noise);
    for (int i = 2; i < FOV_KALMAN_N; i++)
        follower->motion.x[i] = CLAMP (follower->motion.x[i], SIDE_LEAST,
                                       2.0 * MAX (follower->width, follower->height));
}

/* The target is at box: motion and its statistics follow. */
static void
see (FovFollower *follower, FovBox box, Vector shift, gboolean sure)
{
    if (follower->lost == 0) {
        float d = fminf (distance_of (follower, box), 1.0f);
        follower->jump += JUMP_RATE * (d - follower->jump);
        follower->jump = fmaxf (follower->jump, JUMP_LEAST);
        weigh_camera (&follower->camera, centre_of (box), shift);
    } else {
        follower->camera.last = centre_of (box);
    }
    correct (follower, box, sure);
    follower->lost = 0;
}

static gboolean
learn (FovFollower *follower, const FovImage *image, FovBox box, GError **error)
{
    FovPalette palette;
    Vector centre = centre_of (box);
    FovBox sized = box_at (follower, centre.x, centre.y);
    FovBox inside = fov_box_clip (sized, (float) image->width, (float) image->height);
    if (fov_box_area (inside) < LEARN_INSIDE * fov_box_area (sized))
        return TRUE;
    fov_palette_take (&palette, follower->patcher, image, sized);
    fov_palette_blend (&follower->palette, &palette, PALETTE_RATE);
    return fov_visual_learn (follower->visual, image, follower->target, sized, error);
}

static gboolean
check_update (const FovFollower *follower, const FovImage *image, gint64 pts, GError **error)
{
    if (!fov_image_check (image, error))
        return FALSE;
    if (!follower->target)
        g_set_error_literal (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                             "follower: nothing to follow, expected fov_follower_init first");
    else if (image->width != follower->width || image->height != follower->height)
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "follower: picture is %dx%d, expected %dx%d as at the start "
                     "(start over with "
                     "fov_follower_init)",
                     image->width, image->height, follower->width, follower->height);
    else if (pts <= follower->pts)
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "follower: pts is %" G_GINT64_FORMAT
                     ", expected more than the last one, %" G_GINT64_FORMAT,
                     pts, follower->pts);
    else
        return TRUE;
    return FALSE;
}

gboolean
fov_follower_update (FovFollower *follower, const FovImage *image, gint64 pts,
                     FovFollowed *followed, GError **error)
{
    FovVisualFound found;
    Vector shift, none = { 0.0f, 0.0f };
    float worth;

    if (!check_update (follower, image, pts, error))
        return FALSE;
    double dt = intervals_since (follower, pts);
    fov_shift_update (follower->shift, image, &shift.x, &shift.y);
    choose_camera (follower);
    predict (follower, dt, follower->camera.used ? shift : none);
    FovVisualQuery query = { .target = follower->target,
                             .expected = search_box (follower, image, dt, shift),
                             .widen = follower->lost > WIDEN_AFTER ? 2.0f : 1.0f };
    if (!fov_visual_locate (follower->visual, image, &query, 1, &found, error))
        return FALSE;

    FovBox box = judge (follower, &found, &worth);
    gboolean clear = found.psr >= fov_visual_clear_psr (follower->visual) * follower->psr;
    gboolean sure = worth > SURE && clear, seen = worth > (follower->lost ? BACK : SEEN);
    if (seen)
        see (follower, box, shift, sure);
    else
        follower->lost++;
    float rate = sure ? SURE_RATE : seen ? SEEN_RATE : LOST_RATE;
    follower->score += rate * (found.score - follower->score);
    follower->apce += rate * (found.apce - follower->apce);
    follower->psr += rate * (found.psr - follower->psr);
    if (sure && !learn (follower, image, box, error))
        return FALSE;
    *followed = (FovFollowed){
        .box = seen ? box : box_at (follower, follower->motion.x[0], follower->motion.x[1]),
        .confidence = CLAMP (worth, 0.0f, 1.0f),
        .seen = seen,
    };
    return TRUE;
}
