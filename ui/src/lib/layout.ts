// Where the nodes of a picture stand: in columns from who calls to who is
// called, ordered in each so that few edges cross. An edge over several columns
// has a lane of its own in those between. The same picture is laid out the same
// every time.
import type {Edge, NodeID, Picture} from './edges'

export const nodeWidth = 164
export const nodeHeight = 44
const columnGap = 116
const rowGap = 20
const laneHeight = 10
/** A column that would be longer is broken into several. */
const maxRows = 14
/** More edges than this have no lanes: they would be longer than the nodes. */
const maxLaned = 150

export interface Place {
  x: number
  y: number
}

export interface Layout {
  places: Map<NodeID, Place>
  /** The left ends of an edge's lanes, from its source on. */
  lanes: Map<string, Place[]>
  width: number
  height: number
}

interface Item {
  id: string
  lane: boolean
}

type Near = Map<string, string[]>

export function layout(p: Picture): Layout {
  const ids = p.nodes.map((n) => n.id)
  const known = new Set(ids)
  const edges = p.edges.filter((e) => e.from !== e.to && known.has(e.from) && known.has(e.to))
  const rank = ranks(ids, edges.filter((e) => e.rules.length > 0))
  const touched = new Set(edges.flatMap((e) => [e.from, e.to]))
  const columns: Item[][] = []
  const put = (column: number, item: Item) => (columns[column] ??= []).push(item)
  for (const id of ids) if (touched.has(id)) put(rank.get(id)!, {id, lane: false})
  const near: Near = new Map()
  const join = (a: string, b: string) => {
    near.set(a, [...(near.get(a) ?? []), b])
    near.set(b, [...(near.get(b) ?? []), a])
  }
  const laned = edges.length <= maxLaned
  const lanesOf = new Map<string, string[]>()
  for (const e of edges) {
    const [a, b] = [rank.get(e.from)!, rank.get(e.to)!]
    const way = [e.from]
    for (let c = a + 1; laned && c < b; c++) {
      const lane = `${e.key} lane ${c}`
      put(c, {id: lane, lane: true})
      way.push(lane)
    }
    lanesOf.set(e.key, way.slice(1))
    way.push(e.to)
    for (let i = 1; i < way.length; i++) join(way[i - 1]!, way[i]!)
  }
  const filled = columns.filter((c) => c?.length)
  order(filled, near)
  const broken = filled.flatMap(breakColumn)
  const lonely = ids.filter((id) => !touched.has(id))
  if (lonely.length) broken.push(...breakColumn(lonely.map((id) => ({id, lane: false}))))
  const {places, width, height} = place(broken)
  const lanes = new Map([...lanesOf].map(([key, list]) => [key, list.map((id) => places.get(id)!)]))
  return {places, lanes, width, height}
}

/** How many steps a node is from those that nobody calls; cycles are cut where they close. */
function ranks(ids: NodeID[], edges: Edge[]): Map<NodeID, number> {
  const out: Near = new Map(ids.map((id) => [id, []]))
  const calls = new Map(ids.map((id) => [id, 0])) // by how much more it is called than it calls
  for (const e of edges) {
    out.get(e.from)!.push(e.to)
    calls.set(e.from, calls.get(e.from)! - 1)
    calls.set(e.to, calls.get(e.to)! + 1)
  }
  const state = new Map<NodeID, 'open' | 'done'>()
  const finished: NodeID[] = []
  const back = new Set<string>()
  for (const start of [...ids].sort((a, b) => calls.get(a)! - calls.get(b)!)) {
    if (state.has(start)) continue
    const stack: [NodeID, number][] = [[start, 0]]
    state.set(start, 'open')
    while (stack.length) {
      const top = stack[stack.length - 1]!
      const next = out.get(top[0])![top[1]++]
      if (next === undefined) {
        state.set(top[0], 'done')
        finished.push(top[0])
        stack.pop()
      } else if (state.get(next) === 'open') back.add(`${top[0]} ${next}`)
      else if (!state.has(next)) {
        state.set(next, 'open')
        stack.push([next, 0])
      }
    }
  }
  const rank = new Map<NodeID, number>(ids.map((id) => [id, 0]))
  for (const id of finished.reverse()) {
    for (const next of out.get(id)!) {
      if (!back.has(`${id} ${next}`)) rank.set(next, Math.max(rank.get(next)!, Math.min(rank.get(id)! + 1, 6)))
    }
  }
  return rank
}

/** A few sweeps by the mean place of the neighbours. */
function order(columns: Item[][], near: Near) {
  const at = new Map<string, number>()
  const note = (c: Item[]) => c.forEach((item, i) => at.set(item.id, (i + 0.5) / c.length))
  columns.forEach(note)
  for (let sweep = 0; sweep < 6; sweep++) {
    for (const c of sweep % 2 ? [...columns].reverse() : columns) {
      const weight = new Map(c.map((item) => {
        const list = near.get(item.id) ?? []
        return [item.id, list.length ? list.reduce((s, n) => s + at.get(n)!, 0) / list.length : at.get(item.id)!]
      }))
      c.sort((a, b) => weight.get(a.id)! - weight.get(b.id)!)
      note(c)
    }
  }
}

function breakColumn(c: Item[]): Item[][] {
  if (c.filter((i) => !i.lane).length <= maxRows) return [c]
  const n = Math.ceil(c.length / maxRows)
  const size = Math.ceil(c.length / n)
  return Array.from({length: n}, (_, i) => c.slice(i * size, (i + 1) * size))
}

const heightOf = (item: Item) => (item.lane ? laneHeight : nodeHeight)
const columnHeight = (c: Item[]) => c.reduce((sum, item) => sum + heightOf(item) + rowGap, -rowGap)

function place(columns: Item[][]) {
  const height = Math.max(nodeHeight, ...columns.map(columnHeight))
  const places = new Map<string, Place>()
  columns.forEach((c, i) => {
    let y = (height - columnHeight(c)) / 2
    for (const item of c) {
      places.set(item.id, {x: i * (nodeWidth + columnGap), y: item.lane ? y + laneHeight / 2 : y})
      y += heightOf(item) + rowGap
    }
  })
  return {places, width: Math.max(nodeWidth, columns.length * (nodeWidth + columnGap) - columnGap), height}
}

/** How far down an edge bends that leads back beneath the nodes of some columns. */
const lowest = (a: Place, b: Place) => Math.max(a.y, b.y) + nodeHeight + 24 + (a.x - b.x) / 12

/** The line of an edge: from the right of one node through its lanes to the left of the other; one that leads back over columns goes beneath them. */
export function curve(a: Place, b: Place, lanes: Place[], self: boolean): string {
  const x1 = a.x + nodeWidth
  const y1 = a.y + nodeHeight / 2
  if (self) return `M${x1 - 26} ${a.y} c 0 -26, 40 -26, 26 ${nodeHeight / 2 - 6}`
  const y2 = b.y + nodeHeight / 2
  if (b.x > a.x) {
    let d = `M${x1} ${y1}`
    let from = {x: x1, y: y1}
    for (const l of lanes) {
      d += ` ${bend(from, l)} H ${l.x + nodeWidth}`
      from = {x: l.x + nodeWidth, y: l.y}
    }
    return `${d} ${bend(from, {x: b.x, y: y2})}`
  }
  if (b.x === a.x) {
    const bow = 34 + Math.min(50, Math.abs(y2 - y1) / 6)
    return `M${x1} ${y1} C ${x1 + bow} ${y1}, ${x1 + bow} ${y2}, ${x1} ${y2}`
  }
  const x2 = b.x + nodeWidth
  if (a.x - x2 > columnGap) {
    const low = lowest(a, b)
    const [from, to] = [a.x + nodeWidth / 2, b.x + nodeWidth / 2]
    return `M${from} ${a.y + nodeHeight} C ${from} ${low}, ${to} ${low}, ${to} ${b.y + nodeHeight}`
  }
  const dx = Math.max(40, (a.x - x2) / 2)
  return `M${a.x} ${y1 + 8} C ${a.x - dx} ${y1 + 8}, ${x2 + dx} ${y2 + 8}, ${x2} ${y2 + 8}`
}

function bend(a: Place, b: Place): string {
  const dx = (b.x - a.x) / 2
  return `C ${a.x + dx} ${a.y}, ${b.x - dx} ${b.y}, ${b.x} ${b.y}`
}

/** Where an edge's label has room: on its first lane, else in the gap that it crosses. */
export function labelAt(a: Place, b: Place, lanes: Place[]): Place {
  const lane = lanes[Math.floor(lanes.length / 2)]
  if (lane) return {x: lane.x + nodeWidth / 2, y: lane.y}
  if (b.x === a.x) return {x: a.x + nodeWidth + 30, y: (a.y + b.y + nodeHeight) / 2}
  if (b.x > a.x) return {x: (a.x + nodeWidth + b.x) / 2, y: (a.y + b.y + nodeHeight) / 2}
  if (a.x - b.x - nodeWidth > columnGap) return {x: (a.x + b.x + nodeWidth) / 2, y: ((a.y + b.y) / 2 + nodeHeight) / 4 + (3 * lowest(a, b)) / 4}
  return {x: (a.x + b.x + nodeWidth) / 2, y: (a.y + b.y + nodeHeight) / 2 + 8}
}
