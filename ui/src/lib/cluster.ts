// Many groups drawn as few: groups whose names begin alike become one node.
import {words as w} from '../texts'
import {type Edge, edgeKey, type Node, type NodeID, type Picture} from './edges'
import {best} from './standing'

/** More nodes than this are drawn as clusters, unless one is in focus. */
export const maxNodes = 60

/** What names begin with: "shop-web-3" of the shop; whole names are of themselves. */
export function stem(name: string, parts: number): string {
  return name.split(/[-_./ ]/).slice(0, parts).join('-')
}

/**
 * The picture with groups of one stem drawn as one node. Two parts of a name
 * are used if that leaves few enough nodes, else one. Open clusters stay apart.
 */
export function clustered(p: Picture, open: ReadonlySet<string>): Picture {
  const groups = p.nodes.filter((n) => n.kind === 'group')
  const parts = new Set(groups.map((g) => stem(g.name, 2))).size <= maxNodes ? 2 : 1
  const sizes = new Map<string, Node[]>()
  for (const g of groups) {
    const s = stem(g.name, parts)
    sizes.set(s, [...(sizes.get(s) ?? []), g])
  }
  const home = new Map<NodeID, NodeID>()
  const nodes: Node[] = []
  for (const [s, members] of sizes) {
    const id = `cluster:${s}`
    if (members.length === 1 || open.has(id)) {
      nodes.push(...members)
      continue
    }
    members.forEach((m) => home.set(m.id, id))
    nodes.push({
      id, kind: 'cluster', name: s, nics: members.reduce((n, m) => n + m.nics, 0), restricted: members.every((m) => m.restricted),
      isDefault: false, members: members.map((m) => m.id),
    })
  }
  const outside = p.nodes.filter((n) => n.kind !== 'group')
  if (outside.length > 12) {
    const cidrs = outside.filter((n) => n.id !== 'any')
    cidrs.forEach((n) => home.set(n.id, 'cluster:addresses'))
    nodes.push({id: 'cluster:addresses', kind: 'cluster', name: w.cidrs(cidrs.length), nics: 0, restricted: false, isDefault: false, members: cidrs.map((n) => n.id)})
    nodes.push(...outside.filter((n) => n.id === 'any'))
  } else nodes.push(...outside)
  const edges = new Map<string, Edge>()
  for (const e of p.edges) {
    const from = home.get(e.from) ?? e.from
    const to = home.get(e.to) ?? e.to
    const key = edgeKey(from, to)
    const sum = edges.get(key)
    if (!sum) edges.set(key, {...e, key, from, to, rules: [...e.rules], connections: [...e.connections], drops: [...e.drops]})
    else {
      sum.standing = best(sum.standing, e.standing)
      sum.rules.push(...e.rules)
      sum.connections.push(...e.connections)
      sum.drops.push(...e.drops)
    }
  }
  return {nodes, edges: [...edges.values()]}
}
