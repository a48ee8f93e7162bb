/**
 * A certificate that signs itself, for the examples and their tests, with its key. Everybody has this key:
 * use it for nothing else.
 * @module
 */

export const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgvu1A6z2fHt/PFsBw
VaiJ7AlaULGF/MyL0GG9DMX4EtihRANCAAQq/clFt1h1MKbQ7fJdLnO07BoP+Nau
8WakY3Z3PegwCurSFg9fxLY4z3IavnnCC6j8jDhurDgMTgjVr3crDsfv
-----END PRIVATE KEY-----
`;

/** For tunstack.example, localhost, 127.0.0.1, 10.83.0.1 and .2, 192.0.2.2 and 10.0.0.2, until 2120. */
export const cert = `-----BEGIN CERTIFICATE-----
MIIBsjCCAVigAwIBAgIUb6aDbR2xyB7UuXNF3HyLAjj1NuEwCgYIKoZIzj0EAwIw
GzEZMBcGA1UEAwwQdHVuc3RhY2suZXhhbXBsZTAgFw0yMDAxMDEwMDAwMDBaGA8y
MTIwMDEwMTAwMDAwMFowGzEZMBcGA1UEAwwQdHVuc3RhY2suZXhhbXBsZTBZMBMG
ByqGSM49AgEGCCqGSM49AwEHA0IABCr9yUW3WHUwptDt8l0uc7TsGg/41q7xZqRj
dnc96DAK6tIWD1/EtjjPchq+ecILqPyMOG6sOAxOCNWvdysOx++jeDB2MA8GA1Ud
EwEB/wQFMAMBAf8wRAYDVR0RBD0wO4IQdHVuc3RhY2suZXhhbXBsZYIJbG9jYWxo
b3N0hwQKUwABhwQKUwAChwTAAAIChwQKAAAChwR/AAABMB0GA1UdDgQWBBQsuS/o
thhok9wDwAtLpDU7/4KCNTAKBggqhkjOPQQDAgNIADBFAiEAjFq/mDXjO3+B1CuE
m8FOoqqS37iit9iJpsFXNsypjRwCIBObCWCSE3R8j8DqIzZGsxj10X9PXCUkYPU2
f5WEwX/y
-----END CERTIFICATE-----
`;
