/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Tells ThreadSanitizer what GLib does. GLib's locks are futexes in a library that is not
 * instrumented: without this every variable that a GMutex guards looks like a race. It is linked
 * into the test programs of a build with -Db_sanitize=thread, is not instrumented itself, and only
 * wraps functions: each calls GLib's own. No edge is added that GLib does not promise.
 */
#include <dlfcn.h>
#include <stdlib.h>

#include <glib.h>

void __tsan_acquire (void *address);
void __tsan_release (void *address);
void AnnotateIgnoreWritesBegin (const char *file, int line);
void AnnotateIgnoreWritesEnd (const char *file, int line);
void __tsan_mutex_destroy (void *address, unsigned flags);
void __tsan_mutex_pre_lock (void *address, unsigned flags);
void __tsan_mutex_post_lock (void *address, unsigned flags, int recursion);
int __tsan_mutex_pre_unlock (void *address, unsigned flags);
void __tsan_mutex_post_unlock (void *address, unsigned flags);

enum { PLAIN = 0, SHARED = 1 << 3, TRY = 1 << 4, TRY_FAILED = 1 << 5, RECURSIVE = 1 << 1 };

#define EXPORTED __attribute__ ((visibility ("default")))

/* The wrapped function, as `real`. */
#define REAL(name)                                                                                 \
    static __typeof__ (&name) real;                                                                \
    if (!real)                                                                                     \
    real = (__typeof__ (&name)) dlsym (RTLD_NEXT, #name)

#define LOCK(name, type, flags)                                                                    \
    EXPORTED void name (type *lock)                                                                \
    {                                                                                              \
        REAL (name);                                                                               \
        __tsan_mutex_pre_lock (lock, flags);                                                       \
        real (lock);                                                                               \
        __tsan_mutex_post_lock (lock, flags, 1);                                                   \
    }

#define TRY_LOCK(name, type, flags)                                                                \
    EXPORTED gboolean name (type *lock)                                                            \
    {                                                                                              \
        REAL (name);                                                                               \
        __tsan_mutex_pre_lock (lock, (flags) | TRY);                                               \
        const gboolean got = real (lock);                                                          \
        __tsan_mutex_post_lock (lock, (flags) | TRY | (got ? 0 : TRY_FAILED), 1);                  \
        return got;                                                                                \
    }

#define UNLOCK(name, type, flags)                                                                  \
    EXPORTED void name (type *lock)                                                                \
    {                                                                                              \
        REAL (name);                                                                               \
        __tsan_mutex_pre_unlock (lock, flags);                                                     \
        real (lock);                                                                               \
        __tsan_mutex_post_unlock (lock, flags);                                                    \
    }

#define CLEAR(name, type)                                                                          \
    EXPORTED void name (type *lock)                                                                \
    {                                                                                              \
        REAL (name);                                                                               \
        __tsan_mutex_destroy (lock, 0);                                                            \
        real (lock);                                                                               \
    }

/* ---- locks ------------------------------------------------------------------- */

LOCK (g_mutex_lock, GMutex, PLAIN)
TRY_LOCK (g_mutex_trylock, GMutex, PLAIN)
UNLOCK (g_mutex_unlock, GMutex, PLAIN)
CLEAR (g_mutex_clear, GMutex)
LOCK (g_rec_mutex_lock, GRecMutex, RECURSIVE)
TRY_LOCK (g_rec_mutex_trylock, GRecMutex, RECURSIVE)
UNLOCK (g_rec_mutex_unlock, GRecMutex, RECURSIVE)
CLEAR (g_rec_mutex_clear, GRecMutex)
LOCK (g_rw_lock_writer_lock, GRWLock, PLAIN)
TRY_LOCK (g_rw_lock_writer_trylock, GRWLock, PLAIN)
UNLOCK (g_rw_lock_writer_unlock, GRWLock, PLAIN)
LOCK (g_rw_lock_reader_lock, GRWLock, SHARED)
TRY_LOCK (g_rw_lock_reader_trylock, GRWLock, SHARED)
UNLOCK (g_rw_lock_reader_unlock, GRWLock, SHARED)
CLEAR (g_rw_lock_clear, GRWLock)

EXPORTED void
g_cond_wait (GCond *cond, GMutex *mutex)
{
    REAL (g_cond_wait);
    __tsan_mutex_pre_unlock (mutex, PLAIN);
    __tsan_mutex_post_unlock (mutex, PLAIN);
    real (cond, mutex);
    __tsan_mutex_pre_lock (mutex, PLAIN);
    __tsan_mutex_post_lock (mutex, PLAIN, 1);
}

EXPORTED gboolean
g_cond_wait_until (GCond *cond, GMutex *mutex, gint64 end_time)
{
    REAL (g_cond_wait_until);
    __tsan_mutex_pre_unlock (mutex, PLAIN);
    __tsan_mutex_post_unlock (mutex, PLAIN);
    const gboolean woken = real (cond, mutex, end_time);
    __tsan_mutex_pre_lock (mutex, PLAIN);
    __tsan_mutex_post_lock (mutex, PLAIN, 1);
    return woken;
}

/* ---- what is made once --------------------------------------------------------- */

#undef g_once_init_enter
#undef g_once_init_leave

EXPORTED gboolean
g_once_init_enter (volatile void *location)
{
    REAL (g_once_init_enter);
    const gboolean first = real (location);

    __tsan_acquire ((void *) location);
    return first;
}

EXPORTED void
g_once_init_leave (volatile void *location, gsize result)
{
    REAL (g_once_init_leave);
    __tsan_release ((void *) location);
    real (location, result);
}

EXPORTED gpointer
g_once_impl (GOnce *once, GThreadFunc func, gpointer arg)
{
    REAL (g_once_impl);
    const gpointer result = real (once, func, arg);

    __tsan_release (once);
    __tsan_acquire (once);
    return result;
}

/* ---- references: what was done with a thing lies before its end ------------------ */

#undef g_atomic_ref_count_dec

EXPORTED gboolean
g_atomic_ref_count_dec (gatomicrefcount *count)
{
    REAL (g_atomic_ref_count_dec);
    __tsan_release ((void *) count);
    const gboolean last = real (count);
    if (last)
        __tsan_acquire ((void *) count);
    return last;
}

static __thread GDestroyNotify clearing;

static void
clear_box (gpointer box)
{
    __tsan_acquire (box);
    clearing (box);
}

EXPORTED void
g_atomic_rc_box_release_full (gpointer box, GDestroyNotify clear)
{
    REAL (g_atomic_rc_box_release_full);
    const GDestroyNotify outer = clearing;

    __tsan_release (box);
    clearing = clear;
    real (box, clear_box);
    clearing = outer;
}

EXPORTED void
g_bytes_unref (GBytes *bytes)
{
    REAL (g_bytes_unref);
    if (bytes) {
        __tsan_release (bytes);
        __tsan_acquire (bytes);
    }
    real (bytes);
}

/* GStreamer's events and messages: given back anywhere, freed by whoever was the last. */
void gst_mini_object_unref (gpointer object);

EXPORTED void
gst_mini_object_unref (gpointer object)
{
    REAL (gst_mini_object_unref);
    __tsan_release (object);
    real (object);
}

EXPORTED void
g_slice_free1 (gsize size, gpointer block)
{
    REAL (g_slice_free1);
    __tsan_acquire (block);
    real (size, block);
}

/* ---- queues and pools ------------------------------------------------------------- */

EXPORTED void
g_async_queue_push (GAsyncQueue *queue, gpointer data)
{
    REAL (g_async_queue_push);
    __tsan_release (queue);
    real (queue, data);
}

#define POP(name, parameters, ...)                                                                 \
    EXPORTED gpointer name parameters                                                              \
    {                                                                                              \
        REAL (name);                                                                               \
        const gpointer data = real (__VA_ARGS__);                                                  \
        if (data)                                                                                  \
            __tsan_acquire (queue);                                                                \
        return data;                                                                               \
    }

POP (g_async_queue_pop, (GAsyncQueue * queue), queue)
POP (g_async_queue_try_pop, (GAsyncQueue * queue), queue)
POP (g_async_queue_timeout_pop, (GAsyncQueue * queue, guint64 timeout), queue, timeout)

typedef struct {
    GFunc func;
    gpointer user_data;
} Task;

static void
run_task (gpointer data, gpointer user_data)
{
    const Task *task = user_data;

    __tsan_acquire (data);
    task->func (data, task->user_data);
    __tsan_release (user_data);
}

/*
 * A pool has one function; what is kept of it here is never freed. What GLib allocates for the
 * pool is freed by a worker, under a lock of GLib's own: its allocation is not looked at.
 */
EXPORTED GThreadPool *
g_thread_pool_new (GFunc func, gpointer user_data, gint most, gboolean exclusive, GError **error)
{
    REAL (g_thread_pool_new);
    Task *task = malloc (sizeof *task);

    *task = (Task){ func, user_data };
    AnnotateIgnoreWritesBegin (__FILE__, __LINE__);
    GThreadPool *pool = real (run_task, task, most, exclusive, error);
    AnnotateIgnoreWritesEnd (__FILE__, __LINE__);
    return pool;
}

EXPORTED gboolean
g_thread_pool_push (GThreadPool *pool, gpointer data, GError **error)
{
    REAL (g_thread_pool_push);
    __tsan_release (data);
    AnnotateIgnoreWritesBegin (__FILE__, __LINE__);
    const gboolean pushed = real (pool, data, error);
    AnnotateIgnoreWritesEnd (__FILE__, __LINE__);
    return pushed;
}

EXPORTED void
g_thread_pool_free (GThreadPool *pool, gboolean immediate, gboolean wait)
{
    REAL (g_thread_pool_free);
    const gpointer task = pool->user_data;

    real (pool, immediate, wait);
    if (wait)
        __tsan_acquire (task);
}
