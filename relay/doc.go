// Package relay hands hosts their share of the policy. It follows the policy with one
// watch, knows by a span.Index which hosts a change concerns, and has one stream to
// each host (package wire).
//
//	etcd ── Follow ──► Relay: policy, index ──┬─► session ── stream ──► host
//	                      ▲                   └─► session ...
//	                      └── plugs, applied ─────────┘
//
// What holds:
//
//   - A host's share is Span of the relay's policy after each delta of its stream.
//   - Changes that a host has not been sent yet are merged into one pending delta, which
//     is replaced by the whole share once it is larger than that. So a slow host costs no
//     more memory than its share, and holds up nobody.
//   - A host counts as at a revision when the relay is there, and the host has said
//     that it applied whatever concerned it up to there (session.applied).
//   - A change is as much work as there are hosts that it concerns. What they have in
//     common is encoded once (wire.Encoder).
//   - A host that attaches again sends digests of the share that it has, and is sent what
//     differs. This compares contents, and depends on no revision and no history.
//   - A host is sent the plugs of its NICs at other hosts, as the store has them, if the
//     NICs may be plugged there (plugs.go).
//   - A stream ends when its credential would not be accepted any more: the token was
//     revoked, or the certificate has expired or its authority is not trusted now.
//   - A relay is stateless: all of this comes from etcd and from the hosts.
package relay
