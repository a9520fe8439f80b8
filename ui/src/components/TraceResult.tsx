import {useState} from 'react'

import {useAccountPage, useWho} from '../api/account'
import type {NIC, Trace} from '../api/types'
import {type Proposal, proposal} from '../lib/trace'
import {packetService, ruleText} from '../lib/service'
import {trace as t} from '../texts'
import {verdictTone} from './Badge'
import {Icon} from './Icon'
import {RuleDialog} from './RuleDialog'
import {Ago} from './Time'
import {TracePath} from './TracePath'

interface Props {
  trace: Trace
  nics: NIC[]
  onAgain: () => void
}

/** The verdict first, then what would change it, then the way. */
export function TraceResult({trace, nics, onAgain}: Props) {
  const {group} = useAccountPage()
  const {rights} = useWho()
  const [making, setMaking] = useState<Proposal | null>(null)
  const isDefault = (id: string) => group(id)?.is_default ?? false
  const proposals = trace.legs.map((l) => proposal(trace, l, nics, isDefault)).filter((p) => p !== null)
  const p = trace.packet
  return (
    <section className="trace-result">
      <div className={`verdict ${verdictTone(trace.verdict)}`}>
        <p className="verdict-word">{t.verdicts[trace.verdict]}</p>
        <div>
          <p className="mono">
            {p.source} → {p.destination} <b>{packetService(p)}</b> <span className="dim">{trace.state}</span>
          </p>
          <p>
            <Summary trace={trace} />
          </p>
          <p className="dim small">
            {t.revision(trace.revision)} · <Ago at={trace.created_at} />
            {trace.agreement === true && ` · ${t.agree}`}
            {!trace.done && ` · ${t.notDone}`}
          </p>
        </div>
        <button className="quiet" onClick={onAgain}>
          {t.again}
        </button>
      </div>
      {trace.agreement === false && (
        <p className="note deny" role="alert">
          <strong>{t.disagree}</strong> {t.disagreeHint}
        </p>
      )}
      {trace.probe_verdict && (
        <p className={`note ${verdictTone(trace.probe_verdict)}`}>
          <strong>{t.probeSent}</strong> {t.verdicts[trace.probe_verdict]}
        </p>
      )}
      {proposals.map((x) => (
        <Allowing key={x.group + x.rule.direction} proposal={x} onMake={rights.write ? () => setMaking(x) : undefined} />
      ))}
      <TracePath trace={trace} />
      {making && <RuleDialog group={making.group} proposal={making.rule} onClose={() => setMaking(null)} onDone={onAgain} />}
    </section>
  )
}

/** The API's summary, with groups and rules by their names where it has ids. */
function Summary({trace}: {trace: Trace}) {
  const {nameOf} = useAccountPage()
  const leg = trace.legs.find((l) => l.policy.verdict === 'deny') ?? trace.legs.find((l) => l.datapath.verdict === 'deny')
  if (!leg) return <>{trace.summary.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, (id) => nameOf(id))}</>
  const reason = leg.policy.verdict === 'deny' ? leg.policy : leg.datapath
  return (
    <>
      {t.stopsAt(leg.direction, leg.nic ?? t.anotherAccount)} {t.reasons[reason.reason] ?? reason.reason}
      {leg.policy.nearest && leg.policy.verdict === 'deny' && <Nearest nearest={leg.policy.nearest} />}
    </>
  )
}

function Nearest({nearest}: {nearest: NonNullable<Trace['legs'][number]['policy']['nearest']>}) {
  const {nameOf, group} = useAccountPage()
  const rule = group(nearest.group)?.rules.find((r) => r.id === nearest.rule)
  return (
    <span className="nearest">
      {' '}
      {t.nearest(nameOf(nearest.group))} <b>{rule ? ruleText(rule, nameOf) : nearest.rule}</b>: {nearest.differs.join('; ')}.
    </span>
  )
}

function Allowing({proposal: p, onMake}: {proposal: Proposal; onMake?: () => void}) {
  const {nameOf} = useAccountPage()
  return (
    <div className="allowing">
      <div>
        <p className="dim small">{t.wouldAllow(nameOf(p.group))}</p>
        <p>
          <b>{ruleText(p.rule, nameOf)}</b>
        </p>
      </div>
      {onMake ? (
        <button className="primary" onClick={onMake}>
          <Icon name="plus" /> {t.prepare}
        </button>
      ) : (
        <span className="dim small">{t.askMember}</span>
      )}
    </div>
  )
}
