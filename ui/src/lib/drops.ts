// What the answers of /drops add up to while somebody looks.
import type {Drop, DropList} from '../api/types'

/** One kind of packet that is dropped, as often as it was seen since the page looks. */
export interface DropRow extends Drop {
  key: string
  seen: number
}

export interface DropLog {
  rows: DropRow[]
  /** How often each kind was counted in the host's last answer. */
  told: ReadonlyMap<string, number>
}

export const emptyDropLog: DropLog = {rows: [], told: new Map()}

/** Most kinds that are kept; the ones not seen for longest go. */
export const maxDropRows = 1000

const keyOf = (d: Drop) =>
  [d.host, d.nic, d.direction, d.reason, d.source_mac, d.destination_mac, d.vlan, d.source, d.destination, d.protocol, d.port, d.icmp_type, d.icmp_code, d.fragment].join('|')

/**
 * The log with an answer added, and how many packets are new by it. Source
 * ports make no kind of their own here: a client that tries again is one row.
 */
export function addDrops(log: DropLog, list: DropList): {log: DropLog; fresh: {drop: Drop; count: number}[]} {
  const told = new Map(log.told)
  const rows = new Map(log.rows.map((r) => [r.key, r]))
  const fresh: {drop: Drop; count: number}[] = []
  for (const d of [...list.items].reverse()) {
    const exact = `${keyOf(d)}|${d.source_port}|${d.first_seen}`
    const before = told.get(exact) ?? 0
    const count = d.count >= before ? d.count - before : d.count
    told.delete(exact)
    told.set(exact, d.count)
    if (count === 0) continue
    fresh.push({drop: d, count})
    const key = keyOf(d)
    const old = rows.get(key)
    rows.set(key, {
      ...d,
      key,
      seen: (old?.seen ?? 0) + count,
      first_seen: old && old.first_seen < d.first_seen ? old.first_seen : d.first_seen,
    })
  }
  while (told.size > 4 * maxDropRows) told.delete(told.keys().next().value as string)
  const sorted = [...rows.values()].sort((a, b) => (a.last_seen < b.last_seen ? 1 : a.last_seen > b.last_seen ? -1 : a.key < b.key ? -1 : 1))
  return {log: {rows: sorted.slice(0, maxDropRows), told}, fresh}
}

/** Drops by NIC, the most first. */
export function dropsByNIC(rows: DropRow[]): {nic: string; direction: string; reason: string; seen: number; last: string}[] {
  const by = new Map<string, {nic: string; direction: string; reason: string; seen: number; last: string}>()
  for (const r of rows) {
    const key = `${r.nic}|${r.direction}|${r.reason}`
    const e = by.get(key) ?? {nic: r.nic, direction: r.direction, reason: r.reason, seen: 0, last: r.last_seen}
    e.seen += r.seen
    if (r.last_seen > e.last) e.last = r.last_seen
    by.set(key, e)
  }
  return [...by.values()].sort((a, b) => b.seen - a.seen || a.nic.localeCompare(b.nic))
}
