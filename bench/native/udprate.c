/*
 * udprate HOST PORT SECONDS SIZE [WINDOW]: datagrams to an echo service, WINDOW of them on their way at a
 * time (the queue of a TUN holds 500). Prints JSON: answers per second, datagrams lost, our CPU seconds.
 */
#include "common.h"

enum { WIDEST = 256 };

int main(int argc, char **argv) {
  if (argc < 5) return fprintf(stderr, "usage: %s HOST PORT SECONDS SIZE [WINDOW]\n", argv[0]), 2;
  int size = atoi(argv[4]), window = argc > 5 ? atoi(argv[5]) : 64;
  if (window < 1 || window > WIDEST) return fprintf(stderr, "a window of 1 to %d\n", WIDEST), 2;
  struct place a = address(argv[1], argv[2]);
  int s = socket(a.any.sa_family, SOCK_DGRAM, 0), room = 4 << 20;
  setsockopt(s, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  patience(s, 0.02);
  if (reach(s, &a)) die("connect");
  char *out = calloc(1, size), *in = calloc(WIDEST, size + 1);
  struct iovec sent = {out, size}, got[WIDEST];
  struct mmsghdr to[WIDEST], from[WIDEST];
  memset(to, 0, sizeof to), memset(from, 0, sizeof from);
  for (int i = 0; i < WIDEST; i++) {
    got[i].iov_base = in + i * (size + 1), got[i].iov_len = size + 1;
    to[i].msg_hdr.msg_iov = &sent, to[i].msg_hdr.msg_iovlen = 1;
    from[i].msg_hdr.msg_iov = &got[i], from[i].msg_hdr.msg_iovlen = 1;
  }
  double seconds = atof(argv[3]), start = now() + seconds * 0.1, t, used = 0;
  long answers = 0, lost = 0, base = 0, lost_base = 0;
  int flying = 0, warm = 0, silent = 0;
  while ((t = now()) < start + seconds) {
    if (!warm && t >= start) warm = 1, used = cpu(), base = answers, lost_base = lost, start = t;
    if (flying < window) {
      int n = sendmmsg(s, to, window - flying, 0);
      if (n < 0) die("send");
      flying += n;
    }
    int n = recvmmsg(s, from, flying, MSG_WAITFORONE, 0);
    if (n > 0) answers += n, flying -= n, silent = 0;
    else if (errno == EAGAIN) {
      if (++silent > 100) die("no answer");
      lost += flying, flying = 0;
    } else die("recv");
  }
  printf("{\"rate\":%.1f,\"lost\":%ld,\"cpu\":%.4f}\n", (answers - base) / (t - start), lost - lost_base, cpu() - used);
}
