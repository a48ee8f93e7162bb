/*
 * sink PORT: takes all that comes on any number of connections and throws it away in the kernel, uncopied, so
 * that it costs whoever is measured as little as can be. Prints `ready`.
 */
#include "common.h"
#include <fcntl.h>
#include <sys/epoll.h>

enum { CHUNK = 1 << 20 };

int main(int argc, char **argv) {
  if (argc != 2) return fprintf(stderr, "usage: %s PORT\n", argv[0]), 2;
  struct place a = address("::", argv[1]); /* of both families */
  int one = 1, door = socket(AF_INET6, SOCK_STREAM, 0), poll = epoll_create1(0);
  setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(door, &a.any, a.size) || listen(door, 4096)) die("listen");
  struct epoll_event e = {.events = EPOLLIN, .data.fd = door}, ready[64];
  epoll_ctl(poll, EPOLL_CTL_ADD, door, &e);
  puts("ready"), fflush(stdout);
  for (;;) {
    int n = epoll_wait(poll, ready, 64, -1);
    for (int i = 0; i < n; i++) {
      int s = ready[i].data.fd;
      if (s == door) {
        if ((s = accept(door, 0, 0)) < 0) continue;
        e.data.fd = s, epoll_ctl(poll, EPOLL_CTL_ADD, s, &e);
        continue;
      }
      ssize_t m = recv(s, 0, CHUNK, MSG_TRUNC | MSG_DONTWAIT);
      if (m == 0 || (m < 0 && errno != EAGAIN && errno != EINTR)) close(s);
    }
  }
}
