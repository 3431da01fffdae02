/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists of pictures: every format read, refused where it is wrong, cut in two, balanced. */
#include <math.h>
#include <string.h>

#include "../unit/folder.h"

#include <fovea/data.h>

static FovData *
open_data (const char *path, const FovDataParams *params)
{
    g_autoptr (GError) error = NULL;
    FovData *data = fov_data_open (path, params, &error);

    assert_fov_ok (data != NULL, error);
    return data;
}

/* ---- COCO ----------------------------------------------------------------------- */

#define CATEGORIES "\"categories\":[{\"id\":7,\"name\":\"cat\"},{\"id\":3,\"name\":\"dog\"}]"
#define IMAGES                                                                                     \
    "\"images\":[{\"id\":5,\"file_name\":\"a.jpg\",\"width\":40,\"height\":30},"                   \
    "{\"id\":-1,\"file_name\":\"b.jpg\",\"width\":20,\"height\":10,\"video\":\"v\",\"frame\":9}]"
#define COCO(annotations) "{" CATEGORIES "," IMAGES ",\"annotations\":[" annotations "]}"
#define ANNOTATION(rest) "{\"image_id\":5,\"category_id\":7," rest "}"

static void
test_coco (void **state)
{
    g_autofree char *path =
        file_with ("coco.json", COCO ("{\"image_id\":5,\"category_id\":3,\"bbox\":[1,2,10,20]},"
                                      "{\"image_id\":5,\"category_id\":7,\"bbox\":[30,20,50,50]},"
                                      "{\"image_id\":5,\"category_id\":7,\"bbox\":[1,1,0,5]},"
                                      "{\"image_id\":-1,\"category_id\":7,\"bbox\":[0,0,20,10],"
                                      "\"iscrowd\":1}"));
    g_autoptr (FovData) data = open_data (path, NULL);
    const FovSample *a = fov_data_sample (data, 0), *b = fov_data_sample (data, 1);

    assert_int_equal (fov_data_length (data), 2);
    assert_string_equal (fov_data_class (data, 0), "dog"); /* in the order of ids */
    assert_int_equal (a->n_objects, 2);                    /* an empty box is none */
    assert_int_equal (a->objects[0].label, 0);
    assert_float_equal (a->objects[0].box.x2, 11, 0);
    assert_float_equal (a->objects[1].box.x2, 40, 0); /* cut to the picture */
    assert_true (g_str_has_suffix (a->name, "/a.jpg"));
    assert_true (b->objects[0].ignore);
    assert_string_equal (b->video, "v");
    assert_int_equal (b->frame, 9);
}

/* To measure by, nothing is cut or left out; results find their pictures and classes by id. */
static void
test_coco_results (void **state)
{
    g_autofree char *path = file_with (
        "truth.json",
        COCO (ANNOTATION ("\"bbox\":[30,20,50,50],\"area\":77,\"ignore\":1") "," ANNOTATION (
            "\"bbox\":[1,1,0,5]")));
    g_autofree char *results =
        file_with ("found.json",
                   "[{\"image_id\":-1,\"category_id\":7,\"bbox\":[1,2,3,4],\"score\":0.5},"
                   "{\"image_id\":9,\"category_id\":7,\"bbox\":[1,2,3,4],\"score\":0.5},"
                   "{\"image_id\":5,\"category_id\":9,\"bbox\":[1,2,3,4],\"score\":0.5}]");
    g_autoptr (FovData) data = open_data (path, &(FovDataParams){ .as_written = TRUE });
    const FovSample *a = fov_data_sample (data, 0);
    g_autoptr (GError) error = NULL;
    g_autoptr (GPtrArray) found = fov_data_read_detections (data, results, &error);
    const FovDetection *d;

    assert_fov_ok (found != NULL, error);
    assert_int_equal (a->id, 5);
    assert_int_equal (a->n_objects, 2);
    assert_float_equal (a->objects[0].box.x2, 80, 0);
    assert_float_equal (a->objects[0].area, 77, 0);
    assert_true (a->objects[0].ignore && !a->objects[1].ignore);
    assert_float_equal (a->objects[1].area, 0, 0);
    assert_int_equal (fov_data_class_id (data, 1), 7);
    assert_int_equal (found->len, 2);
    assert_int_equal (((GArray *) found->pdata[0])->len, 0);
    assert_int_equal (((GArray *) found->pdata[1])->len, 1);
    d = &g_array_index ((GArray *) found->pdata[1], FovDetection, 0);
    assert_int_equal (d->label, 1);
    assert_float_equal (d->box.y2, 6, 0);
    assert_null (fov_data_read_detections (data, path, &error));
    assert_fov_error (&error, FOV_ERROR_FORMAT, "truth.json': no list; expected COCO results");
}

static void
test_coco_classes (void **state)
{
    g_autofree char *path = file_with ("few.json", COCO ("{\"image_id\":5,\"category_id\":3,"
                                                         "\"bbox\":[1,2,10,20]},"
                                                         "{\"image_id\":5,\"category_id\":7,"
                                                         "\"bbox\":[1,2,10,20]}"));
    g_autoptr (FovLabels) labels = fov_labels_parse ("cow,cat", NULL);
    g_autoptr (GError) error = NULL;
    g_autoptr (FovData) data = NULL;

    assert_null (fov_data_open (path, &(FovDataParams){ .classes = labels }, &error));
    assert_fov_error (&error, FOV_ERROR_FORMAT, "categories[1]: 'dog' is none of the 2 classes");
    data = open_data (path, &(FovDataParams){ .classes = labels, .skip_others = TRUE });
    assert_int_equal (fov_data_sample (data, 0)->n_objects, 1);
    assert_int_equal (fov_data_sample (data, 0)->objects[0].label, 1);
}

static const struct {
    const char *text, *says;
} bad_coco[] = {
    { "", "there is nothing in it" },
    { "{", "cannot read" },
    { "[]", "no list \"categories\"" },
    { "{" CATEGORIES "}", "no list \"images\"" },
    { "{\"categories\":[3]}", "categories[0]: expected an object" },
    { "{\"categories\":[{\"id\":1e40,\"name\":\"x\"}]}", "categories[0]: \"id\" is missing" },
    { "{\"categories\":[{\"id\":1}]}", "categories[0]: \"name\" is missing" },
    { "{\"categories\":[{\"id\":1,\"name\":\"x\"},{\"id\":1,\"name\":\"y\"}]}", "there twice" },
    { "{" CATEGORIES ",\"images\":[{\"id\":1,\"width\":0,\"height\":3}]}", "images[0]: \"width\"" },
    { "{" CATEGORIES ",\"images\":[{\"id\":1,\"width\":4,\"height\":3}]}", "\"file_name\"" },
    { COCO ("{\"image_id\":6,\"category_id\":7,\"bbox\":[0,0,1,1]}"), "no image with id 6" },
    { COCO ("{\"image_id\":5,\"category_id\":9,\"bbox\":[0,0,1,1]}"), "no category with id 9" },
    { COCO (ANNOTATION ("\"bbox\":[0,0,1]")), "annotations[0]: \"bbox\" is missing" },
    { COCO (ANNOTATION ("\"bbox\":[0,0,-1,1]")), "a negative size, -1 x 1" },
    { COCO (ANNOTATION ("\"bbox\":[0,0,1e30,1]")), "something else than numbers" },
    { COCO (ANNOTATION ("\"bbox\":[0,null,1,1]")), "something else than numbers" },
    { COCO (ANNOTATION ("\"bbox\":[0,0,1,1],\"iscrowd\":2")), "\"iscrowd\"" },
};

static void
test_bad_coco (void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS (bad_coco); i++) {
        g_autofree char *path = file_with ("bad.json", bad_coco[i].text);
        g_autoptr (GError) error = NULL;
        assert_null (fov_data_open (path, NULL, &error));
        assert_fov_error (&error, FOV_ERROR_FORMAT, bad_coco[i].says);
    }
}

/* The parser recurses: so many levels would exhaust the stack. */
static char *
deep_json (void)
{
    return g_strnfill (200000, '[');
}

static void
test_deep_coco (void **state)
{
    g_autofree char *deep = deep_json (), *path = file_with ("deep.json", deep);
    g_autofree char *truth = file_with ("flat.json", COCO (""));
    g_autoptr (FovData) data = open_data (truth, NULL);
    g_autoptr (GError) error = NULL;

    assert_null (fov_data_open (path, NULL, &error));
    assert_fov_error (&error, FOV_ERROR_FORMAT, "deep.json': JSON nested deeper than 64 levels");
    assert_null (fov_data_read_detections (data, path, &error));
    assert_fov_error (&error, FOV_ERROR_FORMAT, "deep.json': JSON nested deeper than 64 levels");
}

static void
test_real_coco (void **state)
{
    const char *root = g_getenv ("FOVEA_TEST_DATA");
    g_autofree char *path =
        g_build_filename (root ? root : "", "coco", "instances_train128.json", NULL);
    g_autoptr (FovLabels) coco80 = fov_labels_builtin ("coco80");
    g_autoptr (FovData) data = NULL;
    guint n = 0;

    if (!root)
        skip ();
    data = open_data (path, &(FovDataParams){ .classes = coco80 });
    assert_int_equal (fov_data_length (data), 128);
    for (guint i = 0; i < 128; i++) {
        const FovSample *s = fov_data_sample (data, i);
        assert_true (g_file_test (s->name, G_FILE_TEST_IS_REGULAR));
        n += s->n_objects;
    }
    assert_int_equal (n, 929);
}

static void
test_relabel (void **state)
{
    g_autofree char *path = file_with ("more.json", COCO ("{\"image_id\":5,\"category_id\":3,"
                                                          "\"bbox\":[1,2,10,20]},"
                                                          "{\"image_id\":5,\"category_id\":7,"
                                                          "\"bbox\":[1,2,10,20]}"));
    g_autoptr (FovLabels) some = fov_labels_parse ("cow,cat", NULL);
    g_autoptr (FovData) data = open_data (path, &(FovDataParams){ .most = 1 });
    guint left_out;
    g_autoptr (FovData) a = fov_data_relabel (data, some, &left_out);

    assert_int_equal (fov_data_length (data), 1);
    assert_int_equal (left_out, 1);
    assert_int_equal (fov_data_sample (a, 0)->objects[0].label, 1);
    assert_string_equal (fov_data_class (a, 0), "cow");
}

/* As many classes are not the same ones. */
static void
test_relabel_by_name_alone (void **state)
{
    g_autofree char *path = file_with ("one.json", COCO ("{\"image_id\":5,\"category_id\":3,"
                                                         "\"bbox\":[1,2,10,20]}"));
    g_autoptr (FovLabels) others = fov_labels_parse ("Hund,Katze", NULL);
    g_autoptr (FovData) data = open_data (path, &(FovDataParams){ .most = 1 });
    guint left_out;
    g_autoptr (FovData) none = fov_data_relabel (data, others, &left_out);

    assert_int_equal (fov_data_n_classes (data), fov_labels_count (others));
    assert_int_equal (left_out, 1);
    assert_int_equal (fov_data_sample (none, 0)->n_objects, 0);
}

/* ---- YOLO ------------------------------------------------------------------------ */

static void
test_yolo (void **state)
{
    g_autofree char *root = in_folder ("yolo");
    g_autoptr (FovData) data = NULL;
    const FovSample *s;

    lay ("yolo/images/train/a.jpg", "");
    lay ("yolo/images/b.png", "");
    lay ("yolo/labels/train/a.txt",
         "\xef\xbb\xbf"
         "1 0.5 0.5 0.2 0.4\r\n\n-1 0 0 0.5 0.5\n0 0.1 0.2 0.3 0.2 0.2 0.6\n");
    lay ("yolo/data.yaml", "path: x\nnames:\n  0: dog\n  1: cat\n");
    data = open_data (root, NULL);
    s = fov_data_sample (data, 1);
    assert_int_equal (fov_data_length (data), 2);
    assert_int_equal (fov_data_n_classes (data), 2);
    assert_int_equal (fov_data_sample (data, 0)->n_objects, 0);
    assert_int_equal (s->width, 0);
    assert_int_equal (s->n_objects, 3);
    assert_int_equal (s->objects[0].label, 1);
    assert_float_equal (s->objects[0].box.y1, 0.3, 1e-6);
    assert_true (s->objects[1].ignore);
    assert_float_equal (s->objects[1].box.x1, 0, 0); /* cut */
    assert_float_equal (s->objects[2].box.y2, 0.6, 1e-6);
    assert_float_equal (s->objects[2].box.x2, 0.3, 1e-6);
}

/* Names in a data.yaml that has none are in classes.txt. */
static void
test_yolo_names (void **state)
{
    static const char *const yaml[] = { "nc: 2\nnames: ['dog', 'cat']\n", "names:\n- dog\n- cat\n",
                                        "names: {0: dog, 1: cat}\n",
                                        "kpt_shape: [1, 2]\ntrain: images\n" };
    g_autofree char *root = in_folder ("named");

    lay ("named/images/a.jpg", "");
    lay ("named/classes.txt", "dog\ncat\n");
    for (guint i = 0; i < G_N_ELEMENTS (yaml); i++) {
        g_autoptr (FovData) data = NULL;
        lay ("named/data.yaml", yaml[i]);
        data = open_data (root, NULL);
        assert_int_equal (fov_data_n_classes (data), 2);
        assert_string_equal (fov_data_class (data, 1), "cat");
        assert_int_equal (fov_data_n_points (data), i == 3);
    }
}

static void
test_bad_yaml (void **state)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        { "nc: 1\nnames: [a, b\n", "data.yaml': line 3: not YAML: " },
        { "nc: 1\nnames: dog\n", "line 2: \"names\" is one word" },
        { "nc: 1\n", "there are no class names: expected \"names\" in data.yaml" },
        { "names: [a]\ntrain: nowhere\n", "data.yaml': line 2: \"nowhere\" is no folder" },
        { "names: [a]\n\nkpt_shape: [17]\n", "data.yaml': line 3: expected \"kpt_shape:" },
    };
    g_autofree char *root = in_folder ("badyaml");

    for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autoptr (GError) error = NULL;
        lay ("badyaml/data.yaml", bad[i].text);
        assert_null (fov_data_open (root, NULL, &error));
        assert_fov_error (&error, error->code, bad[i].says);
    }
}

/* What is learned and what is measured on, in the folders of those who write such sets. */
static void
test_yolo_parts (void **state)
{
    static const struct {
        const char *name, *yaml, *train, *valid;
    } sets[] = {
        { "below", "names: [a]\n", "images/train", "images/val" },
        { "roboflow", "train: ../train/images\nval: ../valid/images\nnames: [a]\n", "train/images",
          "valid/images" },
        { "unsaid", "names: [a]\n", "train/images", "valid/images" },
        { "said", "path: .\ntrain: one/images\nval:\n  - two/images\nnames: [a]\n", "one/images",
          "two/images" },
        { "folders", "train: one\nval: two\nnames: [a]\n", "one/images", "two/images" },
    };

    for (guint i = 0; i < G_N_ELEMENTS (sets); i++) {
        g_autofree char *root = in_folder (sets[i].name);
        g_autofree char *yaml = g_build_filename (root, "data.yaml", NULL);
        for (guint k = 0; k < 2; k++) {
            const char *part = k ? sets[i].valid : sets[i].train;
            g_autofree char *picture = g_build_filename (sets[i].name, part, "x.jpg", NULL);
            g_auto (GStrv) words = g_strsplit (picture, "images", 2);
            g_autofree char *labels = g_strjoinv ("labels", words);
            g_autofree char *text = g_strndup (labels, strlen (labels) - 4);
            g_autofree char *file = g_strconcat (text, ".txt", NULL);
            lay (picture, "");
            lay (file, k ? "" : "0 0.5 0.5 0.1 0.1\n");
        }
        lay (yaml + strlen (folder) + 1, sets[i].yaml);
        assert_true (fov_data_has_parts (root));
        for (guint k = 0; k < 4; k++) { /* by the folder, and by what describes it */
            g_autoptr (FovData) part =
                open_data (k < 2 ? root : yaml,
                           &(FovDataParams){ .part = k % 2 ? "val" : "train" });
            assert_int_equal (fov_data_length (part), 1);
            assert_non_null (
                strstr (fov_data_sample (part, 0)->name, k % 2 ? sets[i].valid : sets[i].train));
            assert_int_equal (fov_data_sample (part, 0)->n_objects, 1 - k % 2);
        }
    }
}

static const struct {
    const char *text, *says;
} bad_yolo[] = {
    { "0 0.5 0.5 0.1\n", "line 1: expected a class and 4 numbers" },
    { "0 0.5 0.5 0.1 0.1\n0 0.1 0.1 0.2 0.2 0.3\n", "line 2: expected a class" },
    { "0 0 0 0.1 0.1\r\n\r\n2 0.5 0.5 0.1 0.1\r\n", "line 3: class 2" },
    { "\n2 0.5 0.5 0.1 0.1\n", "line 2: class 2, expected 0..1" },
    { "-2 0.5 0.5 0.1 0.1\n", "line 1: class -2" },
    { "0.5 0.5 0.5 0.1 0.1\n", "class 0.5" },
    { "0 0.5 0.5 -0.1 0.1\n", "a negative size" },
    { "0 320 240 10 10\n", "expected shares of the picture" },
    { "0 nan 0.5 0.1 0.1\n", "expected numbers" },
    { "0 1e999 0.5 0.1 0.1\n", "expected numbers" },
    { "cat 0.5 0.5 0.1 0.1\n", "expected numbers" },
};

static void
test_bad_yolo (void **state)
{
    g_autofree char *root = in_folder ("badyolo");

    lay ("badyolo/images/a.jpg", "");
    lay ("badyolo/classes.txt", "dog\ncat\n");
    for (guint i = 0; i < G_N_ELEMENTS (bad_yolo); i++) {
        g_autoptr (GError) error = NULL;
        lay ("badyolo/labels/a.txt", bad_yolo[i].text);
        assert_null (fov_data_open (root, NULL, &error));
        assert_fov_error (&error, FOV_ERROR_FORMAT, bad_yolo[i].says);
    }
}

/* ---- shards ----------------------------------------------------------------------- */

/* A file of a POSIX tar (ustar). */
static void
tar_add (GString *tar, const char *name, const char *content)
{
    char header[512] = { 0 };
    const gsize n = strlen (content);
    guint sum = 0;

    g_strlcpy (header, name, 100);
    memcpy (header + 100, "0000644", 8);
    memcpy (header + 108, "0000000", 8);
    memcpy (header + 116, "0000000", 8);
    g_snprintf (header + 124, 12, "%011o", (guint) n);
    memcpy (header + 136, "00000000000", 12);
    memset (header + 148, ' ', 8);
    header[156] = '0';
    memcpy (header + 257, "ustar\00000", 8);
    for (int i = 0; i < 512; i++)
        sum += (guint8) header[i];
    g_snprintf (header + 148, 8, "%06o", sum);
    g_string_append_len (tar, header, 512);
    g_string_append (tar, content);
    while (tar->len % 512)
        g_string_append_c (tar, 0);
}

static char *
put_tar (const char *name, const char *const *files)
{
    g_autoptr (GString) tar = g_string_new (NULL);
    char *path = in_folder (name);

    for (; files[0]; files += 2)
        tar_add (tar, files[0], files[1]);
    for (int i = 0; i < 1024; i++)
        g_string_append_c (tar, 0);
    assert_true (g_file_set_contents (path, tar->str, (gssize) tar->len, NULL));
    return path;
}

static gboolean
no_shards (const GError *error)
{
    return g_error_matches (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED);
}

static void
test_shards (void **state)
{
    g_autofree char *path = put_tar (
        "s.tar",
        (const char *const[]){
            "x/1.jpg", "JPEG", "x/1.mask.png", "MASK!", "x/1.json",
            "{\"width\":9,\"height\":8,\"video\":\"v\",\"frame\":4,\"keypoints\":[\"nose\"],"
            "\"objects\":[{\"bbox\":[1,1,2,2],\"label\":\"dog\",\"keypoints\":[1,2,2],"
            "\"segmentation\":[[1,1,3,1,3,3]]},{\"bbox\":[0,0,9,9],\"ignore\":true}]}",
            "2.json", "{\"classes\":[\"ant\"]}", "2.png", "PNG", "notes.txt", "x", NULL });
    g_autoptr (GError) error = NULL;
    g_autoptr (FovData) data = fov_data_open (path, NULL, &error);
    const FovSample *s;

    if (no_shards (error))
        skip ();
    assert_fov_ok (data != NULL, error);
    assert_int_equal (fov_data_length (data), 2);
    assert_string_equal (fov_data_class (data, 0), "ant"); /* sorted */
    s = fov_data_sample (data, 0);
    assert_int_equal (g_bytes_get_size (s->bytes), 4);
    assert_int_equal (s->objects[0].label, 1);
    assert_int_equal (s->objects[0].mask->lengths[0], 3);
    assert_float_equal (s->objects[0].points[0].y, 2, 0);
    assert_int_equal (g_bytes_get_size (s->mask_bytes), 5);
    assert_true (g_str_has_suffix (s->mask, "s.tar:x/1.mask.png"));
    assert_null (fov_data_sample (data, 1)->mask);
    assert_true (s->objects[1].ignore);
    assert_int_equal (s->frame, 4);
    assert_int_equal (fov_data_sample (data, 1)->classes[0], 0);
}

static const struct {
    const char *files[5];
    const char *says;
} bad_shards[] = {
    { { "a.jpg", "x" }, "a': there is a picture, but no .json" },
    { { "a.json", "{}" }, "a': there is a .json, but no picture" },
    { { "a.jpg", "x", "a.json", "{" }, "a.json: " },
    { { "a.jpg", "x", "a.json", "" }, "there is nothing in it" },
    { { "a.jpg", "x", "a.json", "[]" }, "holds no object" },
    { { "a.jpg", "x", "a.json", "{\"objects\":3}" }, "no list \"objects\"" },
    { { "a.jpg", "x", "a.json", "{\"objects\":[{\"bbox\":[0,0,1,1],\"label\":\"d\"}]}" },
      "\"width\" and \"height\"" },
    { { "a.jpg", "x", "a.json", "{\"objects\":[{\"label\":\"d\"}]}" }, "objects[0]: \"bbox\"" },
    { { "a.jpg", "x", "a.json", "{\"objects\":[{\"bbox\":[0,0,1,1],\"label\":3}]}" },
      "objects[0]: label 3, expected one of 0" },
    { { "a.jpg", "x", "a.json", "{\"classes\":\"d\"}" }, "no list \"classes\"" },
};

static void
test_bad_shards (void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS (bad_shards); i++) {
        g_autofree char *path = put_tar ("bad.tar", bad_shards[i].files);
        g_autoptr (GError) error = NULL;
        assert_null (fov_data_open (path, NULL, &error));
        if (no_shards (error))
            skip ();
        assert_fov_error (&error, FOV_ERROR_FORMAT, bad_shards[i].says);
    }
}

/* A shard of so many frames, f_000 and so on from first. */
static void
put_frames (const char *name, int first, int n)
{
    g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func (g_free);

    for (int i = first; i < first + n; i++) {
        g_ptr_array_add (files, g_strdup_printf ("f_%03d.jpg", i));
        g_ptr_array_add (files, g_strdup ("x"));
        g_ptr_array_add (files, g_strdup_printf ("f_%03d.json", i));
        g_ptr_array_add (files, g_strdup ("{}"));
    }
    g_ptr_array_add (files, NULL);
    g_free (put_tar (name, (const char *const *) files->pdata));
}

/* Frames are known by their keys: the last fifth of a video that goes through two shards. */
static void
test_split_shards (void **state)
{
    g_autofree char *path = in_folder ("parts");
    g_autoptr (GError) error = NULL;
    g_autoptr (FovData) data = NULL, train = NULL, valid = NULL;

    g_mkdir (path, 0700);
    put_frames ("parts/shard-000000.tar", 0, 30);
    put_frames ("parts/shard-000001.tar", 30, 30);
    data = fov_data_open (path, NULL, &error);
    if (no_shards (error))
        skip ();
    assert_fov_ok (data != NULL, error);
    fov_data_split (data, NULL, &train, &valid);
    assert_int_equal (fov_data_length (train), 43); /* 5 of a gap */
    assert_int_equal (fov_data_length (valid), 12);
    assert_true (g_str_has_suffix (fov_data_sample (train, 42)->name, "-000001.tar:f_042"));
    assert_int_equal (fov_data_sample (valid, 0)->frame, 48);
}

static void
test_deep_shard (void **state)
{
    g_autofree char *deep = deep_json ();
    g_autofree char *path =
        put_tar ("deep.tar", (const char *const[]){ "a.jpg", "x", "a.json", deep, NULL });
    g_autoptr (GError) error = NULL;

    assert_null (fov_data_open (path, NULL, &error));
    if (no_shards (error))
        skip ();
    assert_fov_error (&error, FOV_ERROR_FORMAT, "a.json: JSON nested deeper than 64 levels");
}

/* Cut anywhere, a shard is refused or read, never more than that. */
static void
test_cut_shard (void **state)
{
    g_autofree char *path =
        put_tar ("cut.tar",
                 (const char *const[]){ "a.jpg", "x", "a.json", "{\"classes\":[\"c\"]}", NULL });
    g_autofree char *text = NULL;
    gsize length;

    assert_true (g_file_get_contents (path, &text, &length, NULL));
    for (gsize n = 0; n < length; n += 37) {
        g_autoptr (GError) error = NULL;
        g_autoptr (FovData) data = NULL;
        assert_true (g_file_set_contents (path, text, (gssize) n, NULL));
        data = fov_data_open (path, NULL, &error);
        assert_true ((data == NULL) == (error != NULL));
        assert_true (data || strstr (error->message, "cut.tar"));
    }
}

/* ---- folders ----------------------------------------------------------------------- */

static void
test_folders (void **state)
{
    g_autofree char *root = in_folder ("flowers");
    g_autoptr (FovData) data = NULL;

    lay ("flowers/rose/1.jpg", "");
    lay ("flowers/aster/x.png", "");
    lay ("flowers/rose/readme.txt", "");
    data = open_data (root, NULL);
    assert_int_equal (fov_data_length (data), 2);
    assert_string_equal (fov_data_class (data, 0), "aster");
    assert_int_equal (fov_data_sample (data, 1)->classes[0], 1);
}

static void
test_nothing (void **state)
{
    g_autofree char *dir = in_folder ("empty");
    g_autoptr (GError) error = NULL;

    g_mkdir (dir, 0700);
    assert_null (fov_data_open (dir, NULL, &error));
    assert_fov_error (&error, FOV_ERROR_FORMAT, "there are no pictures");
    assert_null (fov_data_open ("/no/such", NULL, &error));
    assert_fov_error (&error, FOV_ERROR_IO, "/no/such");
}

/* ---- adding ------------------------------------------------------------------------- */

static void
test_add (void **state)
{
    static const char *const classes[] = { "a", "b", NULL };
    const FovDataObject inverted = { { 2, 0, 1, 1 }, 0 }, other = { { 0, 0, 1, 1 }, 2 };
    const FovDataObject no_number = { { NAN, 0, 1, 1 }, 0 };
    const struct {
        FovSample sample;
        const char *says;
    } bad[] = {
        { { .name = "x", .objects = &inverted, .n_objects = 1 }, "object 0: box 2,0 to 1,1" },
        { { .name = "x", .objects = &no_number, .n_objects = 1 }, "object 0: box nan" },
        { { .name = "x", .objects = &other, .n_objects = 1 }, "label 2, expected 0..1" },
        { { .name = "x", .width = 5 }, "size 5x0" },
        { { 0 }, "without a name" },
    };
    g_autoptr (FovData) data = fov_data_new (classes);

    for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autoptr (GError) error = NULL;
        assert_false (fov_data_add (data, &bad[i].sample, &error));
        assert_fov_error (&error, FOV_ERROR_ARGUMENT, bad[i].says);
    }
    assert_int_equal (fov_data_length (data), 0);
}

/* ---- split --------------------------------------------------------------------------- */

static void
add_named (FovData *data, const char *name, const char *video, gint64 frame)
{
    const FovSample s = { .name = name, .video = video, .frame = frame };

    assert_true (fov_data_add (data, &s, NULL));
}

/* The nearest that a frame of one side comes to one of the other. */
static gint64
nearest_across (const FovData *a, const FovData *b)
{
    gint64 least = G_MAXINT64;

    for (guint i = 0; i < fov_data_length (a); i++)
        for (guint k = 0; k < fov_data_length (b); k++) {
            const FovSample *x = fov_data_sample (a, i), *y = fov_data_sample (b, k);
            if (!g_strcmp0 (x->video, y->video))
                least = MIN (least, ABS (x->frame - y->frame));
        }
    return least;
}

static void
test_split_video (void **state)
{
    const gint64 gaps[] = { 0, -1, 7, 100 }, apart[] = { 25, 1, 7, 100 };

    for (guint g = 0; g < G_N_ELEMENTS (gaps); g++) {
        g_autoptr (FovData) data = fov_data_new (NULL), train = NULL, valid = NULL;
        for (int i = 0; i < 400; i++) { /* out of order, three videos of other steps */
            const int k = i * 77 % 400;
            add_named (data, "x", "a", k);
            add_named (data, "x", "b", k * 3);
        }
        fov_data_split (data, &(FovSplitParams){ .gap = gaps[g] }, &train, &valid);
        assert_int_equal (fov_data_length (valid), 160);
        assert_true (nearest_across (train, valid) > apart[g] - (gaps[g] < 0));
        assert_true (fov_data_length (train) >= 640 - 2 * (guint) apart[g]);
    }
}

/* Where a video is cut a frame at least is on neither side, whatever its numbers' step. */
static void
test_split_short (void **state)
{
    static const struct {
        int n, step;
        guint train, valid;
    } cases[] = { { 9, 1, 6, 2 }, { 9, 40, 6, 2 }, { 10, 1, 7, 2 }, { 5, 1, 3, 1 },
                  { 4, 1, 2, 1 }, { 3, 7, 1, 1 },  { 2, 1, 2, 0 } };

    for (guint k = 0; k < G_N_ELEMENTS (cases); k++) {
        g_autoptr (FovData) data = fov_data_new (NULL), train = NULL, valid = NULL;
        for (int i = 0; i < cases[k].n; i++)
            add_named (data, "x", "v", i * cases[k].step);
        fov_data_split (data, NULL, &train, &valid);
        assert_int_equal (fov_data_length (train), cases[k].train);
        assert_int_equal (fov_data_length (valid), cases[k].valid);
        if (cases[k].valid)
            assert_true (nearest_across (train, valid) >= 2 * cases[k].step);
    }
}

/* Many videos that are too short to be cut: each goes whole to one side, by the seed. */
static void
test_split_many_short (void **state)
{
    g_autoptr (GString) first = g_string_new (NULL);

    for (guint64 seed = 0; seed < 3; seed++) {
        g_autoptr (FovData) data = fov_data_new (NULL), train = NULL, valid = NULL;
        g_autoptr (GString) names = g_string_new (NULL);
        for (int i = 0; i < 200; i++) {
            g_autofree char *video = g_strdup_printf ("%d", i / 4);
            add_named (data, video, video, i % 4);
        }
        fov_data_split (data, &(FovSplitParams){ .seed = seed }, &train, &valid);
        assert_int_equal (fov_data_length (train), 160);
        assert_int_equal (fov_data_length (valid), 40);
        assert_int_equal (nearest_across (train, valid), G_MAXINT64);
        for (guint i = 0; i < 40; i += 4)
            g_string_append_printf (names, "%s ", fov_data_sample (valid, i)->name);
        assert_string_not_equal (names->str, first->str);
        g_string_assign (first, names->str);
    }
}

/* A video without numbers is cut in the order of its names' numbers, else of the list. */
static void
test_split_unnumbered (void **state)
{
    static const char *const names[] = { "v_%03d.jpg", "%c.jpg" };

    for (guint k = 0; k < G_N_ELEMENTS (names); k++) {
        g_autoptr (GString) images = g_string_new (NULL);
        g_autofree char *path = NULL;
        g_autoptr (FovData) data = NULL, train = NULL, valid = NULL;
        for (int i = 0; i < 20; i++) { /* of the names with numbers, the last comes first */
            g_string_append_printf (images, "%s{\"id\":%d,\"file_name\":\"", i ? "," : "", i);
            g_string_append_printf (images, names[k], k ? 'a' + i : 19 - i);
            g_string_append (images, "\",\"width\":8,\"height\":8,\"video_id\":3}");
        }
        g_string_prepend (images, "{" CATEGORIES ",\"annotations\":[],\"images\":[");
        g_string_append (images, "]}");
        path = file_with ("unnumbered.json", images->str);
        data = open_data (path, NULL);
        fov_data_split (data, NULL, &train, &valid);
        assert_int_equal (fov_data_length (valid), 4);
        assert_int_equal (fov_data_length (train), 15);
        assert_int_equal (fov_data_sample (valid, 0)->id, k ? 16 : 0);
        assert_int_equal (fov_data_sample (train, 0)->id, k ? 0 : 5);
    }
}

static void
test_split_names (void **state)
{
    g_autoptr (FovData) data = fov_data_new (NULL), train = NULL, valid = NULL;

    for (int i = 0; i < 50; i++) {
        g_autofree char *frame = g_strdup_printf ("d/walk_%05d.jpg", i);
        g_autofree char *still = g_strdup_printf ("d/%dx.jpg", i);
        add_named (data, frame, NULL, 0);
        add_named (data, still, NULL, 0);
    }
    fov_data_split (data, NULL, &train, &valid);
    for (guint i = 0; i < fov_data_length (valid); i++) {
        const char *name = fov_data_sample (valid, i)->name;
        assert_true (!strstr (name, "walk") || strcmp (name, "d/walk_00040.jpg") >= 0);
    }
    for (guint i = 0; i < fov_data_length (train); i++) { /* 4 of a gap: a tenth of 49 */
        const char *name = fov_data_sample (train, i)->name;
        assert_true (!strstr (name, "walk") || strcmp (name, "d/walk_00036.jpg") < 0);
    }
    assert_int_equal (fov_data_length (valid), 20);
    assert_int_equal (fov_data_length (train), 76);
}

/* Of a rare class the same share is kept apart as of a common one. */
static void
test_split_classes (void **state)
{
    static const char *const classes[] = { "common", "rare", NULL };

    for (guint64 seed = 0; seed < 5; seed++) {
        g_autoptr (FovData) data = fov_data_new (classes), train = NULL, valid = NULL;
        guint64 counts[2];
        for (int i = 0; i < 110; i++) {
            const int label = i % 11 == 3;
            const FovSample s = { .name = "still", .classes = &label, .n_classes = 1 };
            assert_true (fov_data_add (data, &s, NULL));
        }
        fov_data_split (data, &(FovSplitParams){ .share = 0.3f, .seed = seed }, &train, &valid);
        fov_data_count (valid, counts);
        assert_int_equal (counts[0], 30);
        assert_int_equal (counts[1], 3);
        assert_int_equal (fov_data_length (train), 77);
    }
}

/* ---- balance -------------------------------------------------------------------------- */

static FovData *
unbalanced (void)
{
    static const char *const classes[] = { "common", "rare", "none", NULL };
    FovData *data = fov_data_new (classes);

    for (int i = 0; i < 510; i++) {
        const int label = i % 51 == 0;
        const FovSample s = { .name = "x", .classes = &label, .n_classes = 1 };
        assert_true (fov_data_add (data, &s, NULL));
    }
    return data;
}

static void
test_repeat (void **state)
{
    g_autoptr (FovData) data = unbalanced ();
    g_autofree double *factors = g_new (double, fov_data_length (data));
    double sums[2] = { 0 };

    fov_data_repeat_factors (data, 1, factors);
    for (guint i = 0; i < fov_data_length (data); i++)
        sums[fov_data_sample (data, i)->classes[0]] += factors[i];
    assert_float_equal (sums[0], 500, 1e-9);
    assert_float_equal (sums[1], 500, 1e-9);
    fov_data_repeat_factors (data, 0.5, factors);
    assert_float_equal (factors[0], sqrt (50), 1e-12);
    fov_data_repeat_factors (data, 0, factors);
    assert_float_equal (factors[0], 1, 0);
}

static void
test_weights (void **state)
{
    g_autoptr (FovData) data = unbalanced ();
    float w[3];

    fov_data_class_weights (data, 1, w);
    assert_float_equal (w[1] / w[0], 50, 1e-4);
    assert_float_equal (500 * w[0] + 10 * w[1], 510, 1e-3);
    assert_float_equal (w[2], 0, 0);
}

static void
test_smote (void **state)
{
    enum { N = 60, D = 4 };
    float x[N * D];
    gint64 labels[N];
    guint counts[2] = { 0 };
    g_autoptr (GArray) made = g_array_new (FALSE, FALSE, sizeof (float));
    g_autoptr (GArray) kinds = g_array_new (FALSE, FALSE, sizeof (gint64));
    g_autoptr (GError) error = NULL;

    for (int i = 0; i < N; i++) { /* the rare class on a line, two clusters far apart */
        labels[i] = i < 8;
        for (int k = 0; k < D; k++)
            x[i * D + k] = labels[i] ? (float) (i % 4) + (i < 4 ? 0 : 100) : -5;
    }
    assert_true (fov_smote (x, labels, N, D, 2, 3, 1, made, kinds, &error));
    for (int i = 0; i < N; i++)
        counts[labels[i]]++;
    assert_int_equal (kinds->len, counts[0] - counts[1]);
    for (guint i = 0; i < kinds->len; i++) {
        const float *v = &g_array_index (made, float, i *D);
        assert_int_equal (g_array_index (kinds, gint64, i), 1);
        assert_true ((v[0] >= 0 && v[0] <= 3) || (v[0] >= 100 && v[0] <= 103));
        for (int k = 1; k < D; k++) /* between two points of the line */
            assert_float_equal (v[k], v[0], 1e-4);
    }
    x[3] = INFINITY;
    assert_false (fov_smote (x, labels, N, D, 2, 3, 1, made, kinds, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "feature 3 of vector 0");
    labels[2] = 2;
    assert_false (fov_smote (x, labels, N, D, 2, 3, 1, made, kinds, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "feature 3");
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_coco),
        cmocka_unit_test (test_coco_classes),
        cmocka_unit_test (test_coco_results),
        cmocka_unit_test (test_bad_coco),
        cmocka_unit_test (test_deep_coco),
        cmocka_unit_test (test_real_coco),
        cmocka_unit_test (test_relabel),
        cmocka_unit_test (test_relabel_by_name_alone),
        cmocka_unit_test (test_yolo),
        cmocka_unit_test (test_bad_yolo),
        cmocka_unit_test (test_yolo_names),
        cmocka_unit_test (test_bad_yaml),
        cmocka_unit_test (test_yolo_parts),
        cmocka_unit_test (test_shards),
        cmocka_unit_test (test_bad_shards),
        cmocka_unit_test (test_split_shards),
        cmocka_unit_test (test_deep_shard),
        cmocka_unit_test (test_cut_shard),
        cmocka_unit_test (test_folders),
        cmocka_unit_test (test_nothing),
        cmocka_unit_test (test_add),
        cmocka_unit_test (test_split_video),
        cmocka_unit_test (test_split_unnumbered),
        cmocka_unit_test (test_split_short),
        cmocka_unit_test (test_split_many_short),
        cmocka_unit_test (test_split_names),
        cmocka_unit_test (test_split_classes),
        cmocka_unit_test (test_repeat),
        cmocka_unit_test (test_weights),
        cmocka_unit_test (test_smote),
    };
    return RUN_IN_FOLDER ("train-data", tests);
}
