import {Link} from 'wouter'

import {useAccountPage} from '../api/account'
import {useLive} from '../api/live'
import type {Alarm} from '../api/types'
import {traceQuery} from '../lib/trace'
import {overview as t} from '../texts'
import {NICLink} from './Links'
import {Time} from './Time'

/** What events told that no change made: where the datapath does not do what the policy says, and NICs in conflict. */
export function Alarms() {
  const {alarms} = useLive()
  const {path} = useAccountPage()
  const disagreements = alarms.filter((a) => a.kind === 'trace-disagreement')
  const conflicts = openConflicts(alarms)
  return (
    <>
      {disagreements.length > 0 && (
        <div className="note deny" role="alert">
          <strong>{t.disagree}</strong>
          <ul>
            {disagreements.slice(0, 5).map((a) => (
              <li key={a.trace}>
                <Time at={a.time} /> {a.summary}{' '}
                {a.packet && (
                  <Link href={`${path('trace')}?${traceQuery({from: a.packet.source, to: a.packet.destination, protocol: a.packet.protocol, port: String(a.packet.port || '')})}`}>{t.traceIt}</Link>
                )}
              </li>
            ))}
          </ul>
        </div>
      )}
      {conflicts.length > 0 && (
        <div className="note deny" role="alert">
          <strong>{t.conflict}</strong>
          <ul>
            {conflicts.slice(0, 5).map((c) => (
              <li key={c.nic}>
                <Time at={c.time} /> <NICLink id={c.nic} /> {c.detail}
              </li>
            ))}
          </ul>
        </div>
      )}
    </>
  )
}

/** Alarms are the latest first, and the latest word about a NIC counts. */
function openConflicts(alarms: Alarm[]) {
  const told = new Set<string>()
  return alarms.flatMap((a) =>
    (a.conflicts ?? []).filter((c) => !told.has(c.nic) && told.add(c.nic) && a.kind === 'nic-conflict').map((c) => ({...c, time: a.time})),
  )
}
