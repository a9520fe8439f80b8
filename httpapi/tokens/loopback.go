package tokens

import "net/netip"

// Loopback reports whether only this machine can reach a host, by its name or address:
// a token may go there without TLS.
func Loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
