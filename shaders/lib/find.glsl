/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_FIND_GLSL
#define FOV_FIND_GLSL

/*
 * A workgroup's answers to questions about all of its lanes' numbers, the same in each lane. All
 * lanes must call these. Needs LANES.
 */
shared double lane_value[LANES];
shared int lane_at[LANES];

/* The largest value and where it is; of equal ones the least position; at -1: none. */
void find_largest (inout double value, inout int at)
{
    int lane = int (gl_LocalInvocationID.x);
    barrier ();
    lane_value[lane] = value;
    lane_at[lane] = at;
    barrier ();
    for (int reach = LANES / 2; reach > 0; reach /= 2) {
        if (lane < reach) {
            double v = lane_value[lane + reach];
            int i = lane_at[lane + reach], mine = lane_at[lane];
            bool better = v > lane_value[lane] || (v == lane_value[lane] && i < mine);
            if (i >= 0 && (mine < 0 || better)) {
                lane_value[lane] = v;
                lane_at[lane] = i;
            }
        }
        barrier ();
    }
    value = lane_value[0];
    at = lane_at[0];
}

int count_all (int n)
{
    int lane = int (gl_LocalInvocationID.x);
    barrier ();
    lane_at[lane] = n;
    barrier ();
    for (int reach = LANES / 2; reach > 0; reach /= 2) {
        if (lane < reach)
            lane_at[lane] += lane_at[lane + reach];
        barrier ();
    }
    return lane_at[0];
}

/* What the lanes before this one have together. */
int count_before (int n)
{
    int lane = int (gl_LocalInvocationID.x), sum = n;
    barrier ();
    lane_at[lane] = n;
    barrier ();
    for (int reach = 1; reach < LANES; reach *= 2) {
        int more = lane >= reach ? lane_at[lane - reach] : 0;
        barrier ();
        sum += more;
        lane_at[lane] = sum;
        barrier ();
    }
    return sum - n;
}

#endif
