//  What vigil.rs is for the threads of this library, for libzmq's own: a thread looks for events for a while before it sleeps.

#ifndef PALM_VIGIL_HPP
#define PALM_VIGIL_HPP

#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

namespace palm
{
class vigil_t
{
  public:
    vigil_t () : _short (0) {}

    //  As epoll_wait; with -1 as timeout it waits for as long as it takes.
    int wait (int fd_, epoll_event *events_, int max_events_, int timeout_)
    {
        const bool looks = _short >= worth && longest () > 0;
        const int64_t began = now ();
        int n = 0;
        if (looks) {
            do {
                n = epoll_wait (fd_, events_, max_events_, 0);
                if (n != 0)
                    break;
                sched_yield ();
            } while (now () - began < longest ());
        }
        if (n == 0)
            n = epoll_wait (fd_, events_, max_events_, timeout_);
        ended (looks, now () - began);
        return n;
    }

  private:
    void ended (bool looked_, int64_t waited_)
    {
        if (waited_ <= (looked_ ? longest () : 2 * longest ()))
            _short = _short < max_short ? _short + 1 : max_short;
        else
            _short = _short > worth ? _short - worth : 0;
    }

    //  Nanoseconds.
    static int64_t longest ()
    {
        static const int64_t time = chosen ();
        return time;
    }

    static int64_t chosen ()
    {
        const char *text = getenv ("PALM_SPIN_US");
        char *end = NULL;
        const long micros = text ? strtol (text, &end, 10) : -1;
        const bool is_number = text && *text && !*end && micros >= 0;
        return (is_number ? (micros < max_us ? micros : max_us) : default_us) * 1000;
    }

    static int64_t now ()
    {
        timespec time;
        clock_gettime (CLOCK_MONOTONIC, &time);
        return time.tv_sec * INT64_C (1000000000) + time.tv_nsec;
    }

    //  Those of vigil.rs.
    static const long default_us = 100;
    static const long max_us = 1000;
    static const int worth = 8;
    static const int max_short = 16;

    int _short;
};
}

#endif
