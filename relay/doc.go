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
//   - A change is as much work as there are hosts that it concerns.
//   - A relay is stateless: all of this comes from etcd and from the hosts.
package relay
