/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../unit/check.h"
#include "trackers/particle.h"

#include <math.h>
#include <string.h>

typedef struct {
    float x, y;
} Place;

static float
near_place (gpointer data, float x, float y)
{
    const Place *place = data;
    float dx = x - place->x, dy = y - place->y;
    return expf (-0.5f * (dx * dx + dy * dy) / 25.0f);
}

static float
nothing (gpointer data, float x, float y)
{
    return 0.0f;
}

static void
assert_sound (const FovParticles *p)
{
    double sum = 0.0;
    for (guint i = 0; i < p->n; i++) {
        assert_true (p->particles[i].weight >= 0.0f);
        sum += p->particles[i].weight;
    }
    assert_true (fabs (sum - 1.0) < 1e-4);
}

static void
follow (FovParticles *p, int steps, Place *place)
{
    fov_particles_start (p, (FovParticle){ .x = 40, .y = 40 }, 15.0f, 2.0f);
    for (int k = 0; k < steps; k++) {
        place->x += 1.5f;
        place->y -= 0.5f;
        fov_particles_move (p, 1.0f, 0.0f, 0.0f, 1.0f, 0.2f);
        assert_true (fov_particles_weigh (p, near_place, place) > 0.0f);
        assert_sound (p);
    }
}

static void
test_converges_to_a_moving_place_and_its_velocity (void **state)
{
    FovParticles *p = fov_particles_new (500, 7);
    Place place = { 50, 45 };
    float spread;
    follow (p, 40, &place);
    FovParticle mean = fov_particles_mean (p, &spread);
    assert_true (hypotf (mean.x - place.x, mean.y - place.y) < 2.0f);
    assert_true (fabsf (mean.vx - 1.5f) < 0.5f && fabsf (mean.vy + 0.5f) < 0.5f);
    assert_true (spread < 8.0f);
    fov_particles_free (p);
}

static void
test_the_seed_decides (void **state)
{
    FovParticle mean[3];
    for (int i = 0; i < 3; i++) {
        FovParticles *p = fov_particles_new (100, i < 2 ? 1 : 2);
        Place place = { 50, 45 };
        follow (p, 10, &place);
        mean[i] = fov_particles_mean (p, NULL);
        fov_particles_free (p);
    }
    assert_memory_equal (&mean[0], &mean[1], sizeof mean[0]);
    assert_memory_not_equal (&mean[0], &mean[2], sizeof mean[0]);
}

static float
by_column (gpointer data, float x, float y)
{
    return x < 0.0f ? 9.0f : 1.0f;
}

/* Systematic resampling keeps every share to within one particle. */
static void
test_resampling_keeps_the_shares (void **state)
{
    FovParticles *p = fov_particles_new (1000, 3);
    guint left = 0;
    fov_particles_start (p, (FovParticle){ 0 }, 1.0f, 0.0f);
    for (guint i = 0; i < p->n; i++)
        p->particles[i].x = i < 100 ? -1.0f : 1.0f;
    assert_true (fov_particles_weigh (p, by_column, NULL) > 0.0f);
    assert_true (fabsf (fov_particles_effective (p) - 1000.0f) < 1.0f);
    for (guint i = 0; i < p->n; i++)
        left += p->particles[i].x < 0.0f;
    assert_in_range (left, 499, 501);
    fov_particles_free (p);
}

static void
test_no_likelihood_changes_nothing (void **state)
{
    FovParticles *p = fov_particles_new (50, 3);
    fov_particles_start (p, (FovParticle){ .x = 5, .y = 6 }, 2.0f, 1.0f);
    FovParticle before = fov_particles_mean (p, NULL);
    assert_true (fov_particles_weigh (p, nothing, NULL) == 0.0f);
    FovParticle after = fov_particles_mean (p, NULL);
    assert_memory_equal (&before, &after, sizeof before);
    fov_particles_free (p);
}

static void
test_the_camera_takes_all_along (void **state)
{
    FovParticles *p = fov_particles_new (50, 3);
    fov_particles_start (p, (FovParticle){ .x = 5, .y = 6, .vx = 2 }, 1.0f, 0.0f);
    FovParticle before = fov_particles_mean (p, NULL);
    fov_particles_move (p, 2.0f, 10.0f, -3.0f, 0.0f, 0.0f);
    FovParticle after = fov_particles_mean (p, NULL);
    assert_true (fabsf (after.x - before.x - 14.0f) < 1e-3f);
    assert_true (fabsf (after.y - before.y + 3.0f) < 1e-3f);
    fov_particles_free (p);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_converges_to_a_moving_place_and_its_velocity),
        cmocka_unit_test (test_the_seed_decides),
        cmocka_unit_test (test_resampling_keeps_the_shares),
        cmocka_unit_test (test_no_likelihood_changes_nothing),
        cmocka_unit_test (test_the_camera_takes_all_along),
    };
    return RUN ("particle", tests);
}
