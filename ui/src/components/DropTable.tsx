import {Link} from 'wouter'

import {useAccountPage} from '../api/account'
import type {Drop} from '../api/types'
import {type DropRow} from '../lib/drops'
import {packetService} from '../lib/service'
import {traceQuery} from '../lib/trace'
import {live as t} from '../texts'
import {Badge} from './Badge'
import {Table} from './Layout'
import {HostLink, NICLink} from './Links'
import {Ago} from './Time'

/** Dropped packets that are alike, the latest first; from each to its trace. */
export function DropTable({rows, limit = 200}: {rows: DropRow[]; limit?: number}) {
  return (
    <Table dense label={t.drops} head={[t.columns.last, t.columns.nic, t.columns.reason, t.columns.packet, t.columns.seen, t.columns.host, '']}>
      {rows.slice(0, limit).map((d) => (
        <tr key={d.key}>
          <td className="nowrap">
            <Ago at={d.last_seen} />
          </td>
          <td className="nowrap">
            <NICLink id={d.nic} /> <span className="dim small">{d.direction}</span>
          </td>
          <td title={d.detail}>
            <Badge tone="deny">{d.reason}</Badge>
          </td>
          <td className="mono">
            <DropText drop={d} />
          </td>
          <td className="num">{d.seen.toLocaleString('en')}</td>
          <td>
            <HostLink id={d.host} />
          </td>
          <td className="row-actions">{traceable(d) && <TraceLink drop={d} />}</td>
        </tr>
      ))}
    </Table>
  )
}

const traceable = (d: Drop) => Boolean(d.source && d.destination && d.protocol && d.protocol !== 'arp') && d.reason !== 'guard' && d.reason !== 'spoofed'

export function DropText({drop: d}: {drop: Drop}) {
  if (!d.source || !d.destination) return <>{`${d.source_mac ?? '?'} → ${d.destination_mac ?? '?'} ${d.ether_type ?? ''}`}</>
  return (
    <>
      {d.source} → {d.destination} <b>{packetService(d)}</b>
      {d.vlan ? ` VLAN ${d.vlan}` : ''}
      {d.fragment ? ' fragment' : ''}
    </>
  )
}

/** The NIC that dropped it is an end by its name, the other end by its address. */
export function dropTrace(d: Drop): string {
  const ingress = d.direction === 'ingress'
  const icmp = d.protocol?.startsWith('icmp')
  return traceQuery({
    from: ingress ? (d.source ?? '') : d.nic,
    to: ingress ? d.nic : (d.destination ?? ''),
    protocol: icmp ? 'icmp' : (d.protocol ?? ''),
    port: d.port ? String(d.port) : '',
    icmpType: icmp ? String(d.icmp_type) : '',
    icmpCode: icmp ? String(d.icmp_code) : '',
  })
}

function TraceLink({drop}: {drop: Drop}) {
  const {path} = useAccountPage()
  return (
    <Link className="button small" href={`${path('trace')}?${dropTrace(drop)}`} aria-label={t.traceOf(drop.nic)}>
      {t.why}
    </Link>
  )
}
