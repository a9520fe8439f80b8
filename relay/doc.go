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
//   - What a host has not been sent yet waits for it in one delta, which others are
//     merged into, and which is replaced by the whole share once it outgrows that. So
//     a slow host costs no more than its share, and holds up nobody.
//   - A host counts as at a revision when the relay is there, and the host has said
//     that it applied whatever concerned it up to there (session.applied).
//   - A change is as much work as there are hosts that it concerns. What they have in
//     common is encoded once (wire.Encoder).
//   - A host that comes again says by digests what it has, and is sent what differs:
//     what is the same rests on no revision, and no history.
//   - A host hears of the plugs of its NICs elsewhere as the store has them, of hosts
//     where they may be (plugs.go).
//   - A credential is good for as long as it would be taken anew: a token that is
//     revoked, or a certificate that has ended or is of no authority that is believed,
//     ends the stream.
//   - A relay is stateless: all of this comes from etcd and from the hosts.
package relay
