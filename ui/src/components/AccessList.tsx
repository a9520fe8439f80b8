import {useAccountPage} from '../api/account'
import type {AccessEntry} from '../api/types'
import {serviceText} from '../lib/service'
import {words as w} from '../texts'

/** What becomes or ceases to be allowed, one line for each. */
export function AccessList({entries, tone}: {entries: AccessEntry[]; tone: 'allow' | 'deny'}) {
  return (
    <ul className={`access ${tone}`}>
      {entries.slice(0, 50).map((e, i) => (
        <li key={i}>
          <span className="sign" aria-hidden="true">
            {tone === 'allow' ? '+' : '−'}
          </span>
          <Entry entry={e} />
        </li>
      ))}
    </ul>
  )
}

function Entry({entry: e}: {entry: AccessEntry}) {
  const {nameOf} = useAccountPage()
  const own = e.group ? nameOf(e.group) : (e.nic ?? '')
  const r = e.remote
  const remote = [r.cidr, r.group && nameOf(r.group), r.nic && w.nic(r.nic)].filter(Boolean).join(w.in) || w.anywhere
  const [from, to] = e.direction === 'ingress' ? [remote, own] : [own, remote]
  return (
    <span>
      <b>{from}</b> → <b>{to}</b> <span className="mono">{serviceText(e)}</span> <span className="dim small">{e.direction}</span>
    </span>
  )
}
