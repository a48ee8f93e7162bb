/*
 * fetch HOST PORT PATH SECONDS: GET it again and again over one connection that is kept. The first answer is
 * warm-up; what has begun is read to its end. Prints JSON: Gbit/s of content, files, our CPU seconds.
 */
#include "common.h"

enum { CHUNK = 128 << 10 };
static char buffer[CHUNK + 1];
static int s;

/* One answer; the bytes of its content. */
static long long get(const char *question, int length) {
  if (send(s, question, length, 0) != length) die("send");
  int have = 0;
  char *end;
  for (;;) {
    int n = recv(s, buffer + have, CHUNK - have, 0);
    if (n <= 0) die("no answer");
    buffer[have += n] = 0;
    if ((end = strstr(buffer, "\r\n\r\n"))) break;
    if (have == CHUNK) return errno = EMSGSIZE, die("head"), 0;
  }
  char *said = strcasestr(buffer, "\r\nContent-Length:");
  if (strncmp(buffer, "HTTP/1.1 200", 12) || !said || said > end) {
    fprintf(stderr, "no 200 with a Content-Length: %.40s\n", buffer);
    exit(1);
  }
  long long size = atoll(said + 17), left = size - (buffer + have - (end + 4));
  while (left > 0) {
    ssize_t n = recv(s, buffer, left < CHUNK ? left : CHUNK, 0);
    if (n <= 0) die("the content stopped");
    left -= n;
  }
  return size;
}

int main(int argc, char **argv) {
  if (argc != 5) return fprintf(stderr, "usage: %s HOST PORT PATH SECONDS\n", argv[0]), 2;
  struct place a = address(argv[1], argv[2]);
  char question[512];
  int length = snprintf(question, sizeof question, "GET %s HTTP/1.1\r\nHost: bench\r\n\r\n", argv[3]);
  s = socket(a.any.sa_family, SOCK_STREAM, 0);
  if (s < 0) die("socket");
  cubic(s), hard(s), patience(s, 5);
  if (reach(s, &a)) die("connect");
  long long total = get(question, length), bytes = 0;
  double start = now(), used = cpu(), took;
  int files = 0;
  do bytes += get(question, length), files++;
  while ((took = now() - start) < atof(argv[4]));
  total += bytes;
  printf("{\"gbits\":%.4f,\"files\":%d,\"bytes\":%lld,\"total\":%lld,\"cpu\":%.4f}\n", bytes * 8 / 1e9 / took, files,
         bytes, total, cpu() - used);
}
