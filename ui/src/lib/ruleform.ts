// A rule as a form has it (all text), and as the API takes it.
import type {Rule, RuleWrite} from '../api/types'
import {words as w} from '../texts'

export interface RuleForm {
  direction: 'ingress' | 'egress'
  family: string
  protocol: string
  ports: string
  icmpType: string
  icmpCode: string
  cidr: string
  group: string
  description: string
  enabled: boolean
}

export const newRule: RuleForm = {
  direction: 'ingress', family: '', protocol: 'tcp', ports: '', icmpType: '', icmpCode: '', cidr: '', group: '', description: '', enabled: true,
}

export const hasPorts = (protocol: string) => /^(tcp|udp|6|17)$/i.test(protocol.trim())
export const hasICMP = (protocol: string) => /^(icmp|icmpv6|1|58)$/i.test(protocol.trim())

export function formOf(r: Rule | RuleWrite): RuleForm {
  const text = (n: number | null | undefined) => (n == null ? '' : String(n))
  const ports = r.port_min == null ? '' : r.port_max == null || r.port_max === r.port_min ? text(r.port_min) : `${r.port_min}-${r.port_max}`
  return {
    direction: r.direction === 'egress' ? 'egress' : 'ingress',
    family: r.remote_cidr || r.family === 'any' ? '' : (r.family ?? ''),
    protocol: String(r.protocol ?? 'tcp'),
    ports,
    icmpType: text(r.icmp_type),
    icmpCode: text(r.icmp_code),
    cidr: r.remote_cidr ?? '',
    group: r.remote_group ?? '',
    description: r.description ?? '',
    enabled: r.enabled ?? true,
  }
}

/** What a text field says as a number; what is none goes to the API as 70000 would: it says what is wrong. */
function numberOf(text: string): number | null {
  const t = text.trim()
  return t === '' ? null : Number(t)
}

/** Faults that only the form can have: text where the API takes numbers. */
export function formFaults(f: RuleForm): Record<string, string> {
  const faults: Record<string, string> = {}
  if (hasPorts(f.protocol) && f.ports.trim() && !/^\d+(\s*[-–]\s*\d+)?$/.test(f.ports.trim())) faults.ports = w.portFault
  if (hasICMP(f.protocol) && f.icmpType.trim() && !/^-?\d+$/.test(f.icmpType.trim())) faults.icmpType = w.byteFault
  if (hasICMP(f.protocol) && f.icmpCode.trim() && !/^-?\d+$/.test(f.icmpCode.trim())) faults.icmpCode = w.byteFault
  return faults
}

export function writeOf(f: RuleForm): RuleWrite {
  const [min, max] = hasPorts(f.protocol) ? f.ports.split(/[-–]/).map(numberOf) : [null, null]
  return {
    direction: f.direction,
    ...(f.family ? {family: f.family} : {}),
    protocol: f.protocol.trim(),
    port_min: min ?? null,
    port_max: max ?? min ?? null,
    icmp_type: hasICMP(f.protocol) ? numberOf(f.icmpType) : null,
    icmp_code: hasICMP(f.protocol) ? numberOf(f.icmpCode) : null,
    remote_cidr: f.cidr.trim() || null,
    remote_group: f.group || null,
    description: f.description,
    enabled: f.enabled,
  }
}
