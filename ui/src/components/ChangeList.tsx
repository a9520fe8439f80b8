import {useAccountPage} from '../api/account'
import {type AuditFilter, useAudit} from '../api/queries'
import type {AuditEntry} from '../api/types'
import {sayChange} from '../lib/changes'
import {changes as t, group as tg} from '../texts'
import {Badge} from './Badge'
import {Loading} from './Layout'
import {ProblemNote} from './ProblemNote'
import {Ago, Time} from './Time'

/** Who changed what, and what that opened or closed. */
export function ChangeList({account, filter, limit = 30, compact}: {account: string; filter?: AuditFilter; limit?: number; compact?: boolean}) {
  const list = useAudit(account, filter, limit)
  if (!list.data) return list.error ? <ProblemNote error={list.error} /> : <Loading />
  if (list.data.items.length === 0) return <p className="none">{tg.noChanges}</p>
  return <ChangeItems items={list.data.items} compact={compact} />
}

export function ChangeItems({items, compact}: {items: AuditEntry[]; compact?: boolean}) {
  return (
    <ol className={`changes ${compact ? 'compact' : ''}`}>
      {items.map((e) => (
        <Entry key={e.id} entry={e} compact={compact} />
      ))}
    </ol>
  )
}

function Entry({entry: e, compact}: {entry: AuditEntry; compact?: boolean}) {
  const {nameOf} = useAccountPage()
  const said = e.changes.flatMap((c) => sayChange(c, nameOf))
  const most = compact ? 2 : 12
  const open = e.effects.egress_became_open
  return (
    <li>
      <div className="what">
        {said.slice(0, most).map((s, i) => (
          <div key={i} className={`said ${s.tone}`}>
            {s.text}
          </div>
        ))}
        {(said.length > most || e.changes_more) && <div className="dim small">{t.more(said.length - most)}</div>}
        {open.length > 0 && <Badge tone="warn">{t.egressOpen(open.length)}</Badge>}
      </div>
      <div className="who dim small">
        <span>{e.actor.name}</span>
        {compact ? <Ago at={e.time} /> : <Time at={e.time} />}
        {!compact && (
          <span className="num">
            {t.revision} {e.revision}
          </span>
        )}
        {!compact && <span>{e.actor.address}</span>}
      </div>
    </li>
  )
}
