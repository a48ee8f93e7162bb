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

/** For tunstack.example, localhost, 10.83.0.2, 192.0.2.2, 10.0.0.2 and 127.0.0.1, until 2120. */
export const cert = `-----BEGIN CERTIFICATE-----
MIIBrDCCAVKgAwIBAgIUD/z8Tl00qNAL3duIsk+IOvE7wvowCgYIKoZIzj0EAwIw
GzEZMBcGA1UEAwwQdHVuc3RhY2suZXhhbXBsZTAgFw0yMDAxMDEwMDAwMDBaGA8y
MTIwMDEwMTAwMDAwMFowGzEZMBcGA1UEAwwQdHVuc3RhY2suZXhhbXBsZTBZMBMG
ByqGSM49AgEGCCqGSM49AwEHA0IABCr9yUW3WHUwptDt8l0uc7TsGg/41q7xZqRj
dnc96DAK6tIWD1/EtjjPchq+ecILqPyMOG6sOAxOCNWvdysOx++jcjBwMA8GA1Ud
EwEB/wQFMAMBAf8wPgYDVR0RBDcwNYIQdHVuc3RhY2suZXhhbXBsZYIJbG9jYWxo
b3N0hwQKUwAChwTAAAIChwQKAAAChwR/AAABMB0GA1UdDgQWBBQsuS/othhok9wD
wAtLpDU7/4KCNTAKBggqhkjOPQQDAgNIADBFAiEApMajx9xOcKoQLsBlR2TI8oSm
XjRl4WhWZjlSvZ618FECID4FxC2hHWaSzoV+Elj66beyETKnl83QhIHEoWWW5gSn
-----END CERTIFICATE-----
`;
