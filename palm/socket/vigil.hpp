//  What vigil.rs is for the threads of this library, for libzmq's own: a thread looks for events for a while before it sleeps.

#ifndef PALM_VIGIL_HPP
#define PALM_VIGIL_HPP

#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

namespace palm
{
//  These four are those of vigil.rs.
enum
{
    default_us = 100,
    max_us = 1000,
    worth = 8,
    max_short = 16
};

//  What the environment says, in nanoseconds. As vigil.rs reads it: digits, and nothing else.
inline int64_t chosen_time (const char *text_)
{
    if (!text_ || !*text_)
        return default_us * 1000;
    int64_t micros = 0;
    for (const char *c = text_; *c; c++) {
        if (*c < '0' || *c > '9')
            return default_us * 1000;
        micros = micros > max_us ? micros : micros * 10 + (*c - '0');
    }
    return (micros > max_us ? max_us : micros) * 1000;
}

//  Read before there are threads: others may change the environment later.
static const int64_t longest = chosen_time (getenv ("PALM_SPIN_US"));

//  The waits of one thread.
class vigil_t
{
  public:
    vigil_t () : _short (0) {}

    //  As epoll_wait; with -1 as timeout it waits for as long as it takes.
    int wait (int fd_, epoll_event *events_, int max_events_, int timeout_)
    {
        const bool looks = _short >= worth && longest > 0;
        const int64_t began = now ();
        int n = 0;
        while (looks && n == 0 && now () - began < longest) {
            n = epoll_wait (fd_, events_, max_events_, 0);
            if (n == 0)
                sched_yield ();
        }
        if (n == 0)
            n = epoll_wait (fd_, events_, max_events_, timeout_);
        const int error = errno;
        ended (looks, now () - began);
        errno = error;
        return n;
    }

  private:
    void ended (bool looked_, int64_t waited_)
    {
        if (waited_ <= (looked_ ? longest : 2 * longest))
            _short = _short < max_short ? _short + 1 : max_short;
        else
            _short = _short > worth ? _short - worth : 0;
    }

    static int64_t now ()
    {
        timespec time;
        clock_gettime (CLOCK_MONOTONIC, &time);
        return time.tv_sec * INT64_C (1000000000) + time.tv_nsec;
    }

    int _short;
};
}

#endif
