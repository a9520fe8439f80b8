// A trace as the page asks for it and shows it.
import type {NIC, RuleWrite, Trace, TraceLeg, TraceStep, TraceWrite} from '../api/types'

export interface TraceForm {
  from: string
  to: string
  protocol: string
  port: string
  icmpType: string
  icmpCode: string
  family: string
  state: string
  sourcePort: string
  probe: boolean
}

export const emptyTrace: TraceForm = {
  from: '', to: '', protocol: 'tcp', port: '', icmpType: '', icmpCode: '', family: '', state: 'new', sourcePort: '', probe: false,
}

const fields: [keyof TraceForm, string][] = [
  ['from', 'from'], ['to', 'to'], ['protocol', 'proto'], ['port', 'port'], ['icmpType', 'type'], ['icmpCode', 'code'],
  ['family', 'family'], ['state', 'state'], ['sourcePort', 'sport'],
]

/** The link that asks the same question. A probe is never part of it: nobody sends a packet by opening a link. */
export function traceQuery(f: Partial<TraceForm>): string {
  const q = new URLSearchParams()
  for (const [field, key] of fields) {
    const v = f[field]
    if (typeof v === 'string' && v !== '' && v !== emptyTrace[field]) q.set(key, v)
  }
  if (f.protocol) q.set('proto', f.protocol)
  return q.toString()
}

export function traceFromQuery(search: string): TraceForm {
  const q = new URLSearchParams(search)
  const f = {...emptyTrace}
  for (const [field, key] of fields) {
    const v = q.get(key)
    if (v !== null) (f as Record<string, unknown>)[field] = v
  }
  return f
}

const isAddress = (s: string) => /^[0-9a-f:.]+$/i.test(s) && (s.includes(':') || /^\d+(\.\d+){3}$/.test(s))

/** An end as people type it: a NIC, an instance with one NIC, or an address. */
export function endOf(text: string, nics: NIC[]): {nic?: string; address?: string} {
  const s = text.trim()
  if (nics.some((n) => n.id === s)) return {nic: s}
  if (isAddress(s)) return {address: s}
  const ofInstance = nics.filter((n) => n.instance === s)
  return {nic: ofInstance.length === 1 ? ofInstance[0]!.id : s}
}

const numberOrNull = (s: string) => (s.trim() === '' ? null : Number(s))

export function traceWrite(f: TraceForm, nics: NIC[]): TraceWrite {
  const icmp = f.protocol.startsWith('icmp')
  const ports = f.protocol === 'tcp' || f.protocol === 'udp'
  return {
    source: endOf(f.from, nics),
    destination: endOf(f.to, nics),
    protocol: f.protocol,
    port: ports ? numberOrNull(f.port) : null,
    source_port: ports ? numberOrNull(f.sourcePort) : null,
    icmp_type: icmp ? numberOrNull(f.icmpType) : null,
    icmp_code: icmp ? numberOrNull(f.icmpCode) : null,
    ...(f.family ? {family: f.family} : {}),
    ...(f.state !== 'new' ? {state: f.state} : {}),
    ...(f.probe ? {probe: true} : {}),
  }
}

/** The flows of one table that a packet passes in a row. */
export interface Hop {
  table: number
  name: string
  steps: TraceStep[]
  miss: boolean
  foreign: boolean
  rule: {group: string; rule: string} | null
}

export function hops(steps: TraceStep[]): Hop[] {
  const out: Hop[] = []
  for (const s of steps) {
    let last = out.at(-1)
    if (!last || last.table !== s.table) {
      last = {table: s.table, name: s.table_name, steps: [], miss: false, foreign: false, rule: null}
      out.push(last)
    }
    last.steps.push(s)
    last.miss ||= s.kind === 'miss'
    last.foreign ||= s.kind === 'foreign'
    if (s.group && s.rule) last.rule = {group: s.group, rule: s.rule}
  }
  return out
}

export interface Proposal {
  group: string
  rule: RuleWrite
}

/**
 * The narrowest rule that would let the packet through at an end that denies it
 * for want of one: for the groups of the other end if it is a NIC with an own
 * group, else for its address.
 */
export function proposal(t: Trace, leg: TraceLeg, nics: NIC[], isDefault: (group: string) => boolean): Proposal | null {
  const reason = leg.policy.reason
  if (leg.policy.verdict !== 'deny' || reason !== 'no-rule' || leg.hidden || !leg.nic) return null
  const nic = nics.find((n) => n.id === leg.nic)
  const own = nic?.effective_groups.map((g) => g.id).filter((g) => !g.includes('/')) ?? []
  const group = leg.policy.nearest && own.includes(leg.policy.nearest.group) ? leg.policy.nearest.group : (own.find((g) => !isDefault(g)) ?? own[0])
  if (!group) return null
  const ingress = leg.direction === 'ingress'
  const other = ingress ? t.packet.source : t.packet.destination
  const otherLeg = t.legs.find((l) => l !== leg && l.nic && !l.hidden)
  const otherNIC = nics.find((n) => n.id === otherLeg?.nic) ?? uniqueNIC(nics, other, nic?.network)
  const member = otherNIC?.addresses.includes(other) ? otherNIC.effective_groups.find((g) => !isDefault(g.id) && !g.id.includes('/')) : undefined
  const p = t.packet
  const icmp = p.protocol.startsWith('icmp')
  return {
    group,
    rule: {
      direction: leg.direction,
      family: icmp ? p.family : undefined,
      protocol: icmp ? 'icmp' : p.protocol,
      port_min: p.port || null,
      port_max: p.port || null,
      icmp_type: icmp ? p.icmp_type : null,
      icmp_code: icmp ? p.icmp_code : null,
      remote_group: member?.id ?? null,
      remote_cidr: member ? null : `${other}/${other.includes(':') ? 128 : 32}`,
      enabled: true,
      description: '',
    },
  }
}

/** The account's NIC of an address, if there is one alone in that network or at all. */
export function uniqueNIC(nics: NIC[], address: string | null, network?: string): NIC | undefined {
  if (!address) return undefined
  const all = nics.filter((n) => n.addresses.includes(address))
  if (all.length === 1) return all[0]
  const near = all.filter((n) => n.network === network)
  return near.length === 1 ? near[0] : undefined
}
