// How services and ends of rules are called, everywhere in the console.
import {words as w} from '../texts'

export interface Service {
  protocol?: string | number | null
  family?: string | null
  port_min?: number | null
  port_max?: number | null
  icmp_type?: number | null
  icmp_code?: number | null
}

const numbers: Record<string, string> = {'1': 'icmp', '6': 'tcp', '17': 'udp', '47': 'gre', '50': 'esp', '58': 'icmpv6', '132': 'sctp'}

/** "tcp 443", "udp 8000–8999", "icmp 8/0", "all"; "ipv4" and "ipv6" where it is of one alone. */
export function serviceText(s: Service): string {
  const family = s.family && s.family !== 'any' ? ` ${s.family === 'ipv4' ? 'v4' : 'v6'}` : ''
  return bareService(s) + family
}

export function bareService(s: Service): string {
  const p = String(s.protocol ?? 'all').toLowerCase()
  const name = numbers[p] ?? (/^\d+$/.test(p) ? w.protocol(p) : p)
  if (name === 'all') return 'all'
  if (name.startsWith('icmp')) {
    if (s.icmp_type == null) return name
    return `${name} ${s.icmp_type}${s.icmp_code == null ? '' : `/${s.icmp_code}`}`
  }
  if (s.port_min == null) return name
  if (s.port_max == null || s.port_max === s.port_min) return `${name} ${s.port_min}`
  return `${name} ${s.port_min}–${s.port_max}`
}

/** A packet's service: "tcp 443", "icmp 8/0". */
export function packetService(p: {protocol: string | null; port: number; icmp_type: number; icmp_code: number}): string {
  const proto = p.protocol ?? w.frame
  if (proto.startsWith('icmp')) return `${proto} ${p.icmp_type}/${p.icmp_code}`
  return p.port ? `${proto} ${p.port}` : proto
}

export interface Remote {
  remote_cidr?: string | null
  remote_group?: string | null
}

export type NameOf = (group: string) => string

export const isEverywhere = (cidr: string | null | undefined) => cidr === '0.0.0.0/0' || cidr === '::/0'

/** Whom a rule is about: "group web", "10.0.0.0/8", "10.0.0.0/8 in group web", "anywhere". */
export function remoteText(r: Remote, nameOf: NameOf): string {
  if (r.remote_group && r.remote_cidr) return w.cidrInGroup(r.remote_cidr, nameOf(r.remote_group))
  if (r.remote_group) return w.group(nameOf(r.remote_group))
  if (r.remote_cidr) return r.remote_cidr
  return w.anywhere
}

export function ruleText(r: Service & Remote & {direction?: string}, nameOf: NameOf): string {
  return w.rule(r.direction ?? '', serviceText(r), remoteText(r, nameOf))
}

/** Whether a rule's service has this port or is called so; for filters. */
export function matchesService(s: Service, filter: string): boolean {
  const f = filter.trim().toLowerCase().replace('/', ' ')
  if (!f) return true
  const port = /(\d+)$/.exec(f)?.[1]
  const word = f.replace(/\d+$/, '').trim()
  const proto = String(s.protocol ?? 'all').toLowerCase()
  if (word && proto !== 'all' && !proto.startsWith(word)) return false
  if (!port) return true
  if (proto === 'all') return true
  if (s.port_min == null) return proto === 'tcp' || proto === 'udp'
  return Number(port) >= s.port_min && Number(port) <= (s.port_max ?? s.port_min)
}
