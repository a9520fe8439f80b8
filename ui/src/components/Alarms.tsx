import {Link} from 'wouter'

import {useAccountPage} from '../api/account'
import {useLive} from '../api/live'
import {traceQuery} from '../lib/trace'
import {overview as t} from '../texts'
import {Time} from './Time'

/** Where a trace showed that the datapath does not do what the policy says. */
export function Alarms() {
  const {alarms} = useLive()
  const {path} = useAccountPage()
  if (alarms.length === 0) return null
  return (
    <div className="note deny" role="alert">
      <strong>{t.disagree}</strong>
      <ul>
        {alarms.slice(0, 5).map((a) => (
          <li key={a.trace}>
            <Time at={a.time} /> {a.summary}{' '}
            <Link href={`${path('trace')}?${traceQuery({from: a.packet.source, to: a.packet.destination, protocol: a.packet.protocol, port: String(a.packet.port || '')})}`}>{t.traceIt}</Link>
          </li>
        ))}
      </ul>
    </div>
  )
}
