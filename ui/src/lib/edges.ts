// Who may talk to whom by the rules of an account's groups: edges between
// groups, and between groups and addresses.
import type {Connection, Drop, Group, NIC, Rule} from '../api/types'
import {words as w} from '../texts'
import type {Standing} from './standing'
import {bareService, isEverywhere, matchesService} from './service'

/** A group's id, "cidr:10.0.0.0/8", or "any". */
export type NodeID = string
export const anywhere: NodeID = 'any'

export interface Node {
  id: NodeID
  kind: 'group' | 'cidr' | 'cluster'
  name: string
  nics: number
  /** Whether the group's NICs may send only what rules allow. */
  restricted: boolean
  isDefault: boolean
  /** Groups of a cluster. */
  members: NodeID[]
}

export interface Edge {
  key: string
  from: NodeID
  to: NodeID
  /** Ingress rules of "to" and egress rules of "from" that are about the other. */
  rules: Rule[]
  standing: Standing
  connections: Connection[]
  drops: {drop: Drop; seen: number}[]
}

export interface Picture {
  nodes: Node[]
  edges: Edge[]
}

export interface Filter {
  service: string
  direction: '' | 'ingress' | 'egress'
  network: string
}

export const edgeKey = (from: NodeID, to: NodeID) => `${from} ${to}`

export const remoteNode = (r: Rule): NodeID =>
  r.remote_group ? r.remote_group : r.remote_cidr && !isEverywhere(r.remote_cidr) ? `cidr:${r.remote_cidr}` : anywhere

/** The groups, the addresses that rules name, and the rules between them as edges. */
export function pictureOf(groups: Group[], nics: NIC[], filter: Filter): Picture {
  const inNetwork = nics.filter((n) => !filter.network || n.network === filter.network)
  const counts = new Map<string, number>()
  for (const n of inNetwork) for (const g of n.effective_groups) counts.set(g.id, (counts.get(g.id) ?? 0) + 1)
  const shown = groups.filter((g) => !filter.network || counts.has(g.id))
  const nodes = new Map<NodeID, Node>(
    shown.map((g) => [g.id, {
      id: g.id, kind: 'group', name: g.name, nics: counts.get(g.id) ?? 0, restricted: g.egress_restricts, isDefault: g.is_default, members: [],
    }]),
  )
  const edges = new Map<string, Edge>()
  for (const g of shown) {
    for (const r of g.rules) {
      if (!r.enabled || r.inert || !matchesService(r, filter.service) || (filter.direction && r.direction !== filter.direction)) continue
      const other = remoteNode(r)
      if (filter.network && r.remote_group && !nodes.has(other) && groups.some((x) => x.id === other)) continue
      if (!nodes.has(other)) nodes.set(other, outsider(other))
      const [from, to] = r.direction === 'ingress' ? [other, g.id] : [g.id, other]
      edgeOf(edges, from, to).rules.push(r)
    }
  }
  return {nodes: [...nodes.values()], edges: [...edges.values()]}
}

function outsider(id: NodeID): Node {
  const cidr = id.startsWith('cidr:') ? id.slice(5) : null
  const name = id === anywhere ? w.anywhere : (cidr ?? id)
  return {id, kind: id === anywhere || cidr ? 'cidr' : 'group', name, nics: 0, restricted: false, isDefault: false, members: []}
}

function edgeOf(edges: Map<string, Edge>, from: NodeID, to: NodeID): Edge {
  const key = edgeKey(from, to)
  let e = edges.get(key)
  if (!e) edges.set(key, (e = {key, from, to, rules: [], standing: 'unknown', connections: [], drops: []}))
  return e
}

/** The groups of the account's NIC at an address; of a NIC, its own. */
function groupsAt(nics: NIC[], nic: string | null, address: string | null): string[] {
  const found = nic ? nics.filter((n) => n.id === nic) : nics.filter((n) => address !== null && n.addresses.includes(address))
  return found.length === 1 ? found[0]!.effective_groups.map((g) => g.id) : []
}

/**
 * The picture with what was observed laid over it. A connection belongs to the
 * edge of the rule that admitted it; one that no rule of ours names is not
 * drawn. A drop belongs between the groups of its two ends, also where no rule is,
 * if it is of the service and the direction that the picture is of.
 */
export function observe(p: Picture, nics: NIC[], connections: Connection[], drops: {drop: Drop; seen: number}[], filter: Filter): Picture {
  const byRule = new Map<string, string>()
  for (const e of p.edges) for (const r of e.rules) byRule.set(`${r.group}/${r.id}`, e.key)
  const edges = new Map(p.edges.map((e) => [e.key, {...e, connections: [...e.connections], drops: [...e.drops]}]))
  const nodes = new Map(p.nodes.map((n) => [n.id, n]))
  for (const c of connections) {
    const key = byRule.get(`${c.group}/${c.rule}`)
    if (key) edges.get(key)!.connections.push(c)
  }
  for (const d of drops) {
    if (d.drop.reason !== 'no-rule' && d.drop.reason !== 'cut') continue
    if (filter.direction && d.drop.direction !== filter.direction) continue
    if (!matchesService({protocol: d.drop.protocol ?? w.frame, port_min: d.drop.port || null}, filter.service)) continue
    const own = groupsAt(nics, d.drop.nic, null)
    const other = groupsAt(nics, null, d.drop.direction === 'ingress' ? d.drop.source : d.drop.destination)
    const others = other.length ? other : [anywhere]
    for (const a of own) {
      for (const b of others) {
        const [from, to] = d.drop.direction === 'ingress' ? [b, a] : [a, b]
        if (!nodes.has(a)) continue
        if (!nodes.has(b)) nodes.set(b, outsider(b))
        edgeOf(edges, from, to).drops.push(d)
      }
    }
  }
  return {nodes: [...nodes.values()], edges: [...edges.values()]}
}

/** The nodes within so many steps of one, and the edges among them. */
export function neighbourhood(p: Picture, focus: NodeID, steps: number): Picture {
  let reached = new Set([focus])
  for (let i = 0; i < steps; i++) {
    const next = new Set(reached)
    for (const e of p.edges) {
      // Through "anywhere" everything would be everybody's neighbour.
      if (reached.has(e.from) && (e.from !== anywhere || focus === anywhere)) next.add(e.to)
      if (reached.has(e.to) && (e.to !== anywhere || focus === anywhere)) next.add(e.from)
    }
    reached = next
  }
  return {
    nodes: p.nodes.filter((n) => reached.has(n.id)),
    edges: p.edges.filter((e) => reached.has(e.from) && reached.has(e.to) && (steps > 1 || e.from === focus || e.to === focus)),
  }
}

/** Without what every group has from its making: itself to itself; and without groups that nothing else is about. */
export function withoutDefaults(p: Picture): Picture {
  const edges = p.edges
    .map((e) => (e.from === e.to ? {...e, rules: e.rules.filter((r) => r.origin !== 'default')} : e))
    .filter((e) => e.rules.length > 0 || e.drops.length > 0)
  const touched = new Set(edges.flatMap((e) => [e.from, e.to]))
  return {nodes: p.nodes.filter((n) => touched.has(n.id) || (n.nics > 0 && !n.isDefault)), edges}
}

/** Characters that fit between two boxes side by side. */
const labelRoom = 16

/** What of an edge's rules a label has room for: "tcp 443, 80 +2". */
export function edgeLabel(rules: Rule[], most = 2): string {
  const names = [...new Set(rules.map((r) => bareService(r)))]
  const shown = names.slice(0, most)
  const protocol = shown[0]?.split(' ')[0]
  const text = shown.map((n, i) => (i > 0 && n.startsWith(`${protocol} `) ? n.slice(protocol!.length + 1) : n)).join(', ') + (names.length > most ? ` +${names.length - most}` : '')
  return text.length > labelRoom && most > 1 ? edgeLabel(rules, most - 1) : text
}

/** How an edge is drawn: something is open by it, a rule, one that the other end does not let through, or drops alone. */
export function kindOf(e: Edge): 'open' | 'rule' | 'blocked' | 'drop' {
  if (e.rules.length === 0) return 'drop'
  if (e.connections.length > 0) return 'open'
  return e.standing === 'blocked' ? 'blocked' : 'rule'
}
