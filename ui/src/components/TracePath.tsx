import {useAccountPage} from '../api/account'
import type {Trace, TraceLeg} from '../api/types'
import {type Hop, hops} from '../lib/trace'
import {trace as t} from '../texts'
import {Badge, verdictTone} from './Badge'
import {Icon} from './Icon'
import {GroupLink, HostLink, NICLink} from './Links'

/** The way of the packet: source, its host, the wire, the other host, destination. */
export function TracePath({trace}: {trace: Trace}) {
  const legs = trace.legs
  const egress = legs.find((l) => l.direction === 'egress')
  const ingress = legs.find((l) => l.direction === 'ingress')
  const reached = !egress || (egress.policy.verdict === 'allow' && egress.datapath.verdict !== 'deny')
  return (
    <div className="way">
      <End title={t.source} nic={egress?.nic ?? null} address={trace.packet.source} />
      {egress && <Leg leg={egress} reached />}
      <Wire egress={egress} ingress={ingress} reached={reached} />
      {ingress && <Leg leg={ingress} reached={reached} />}
      <End title={t.destination} nic={ingress?.nic ?? null} address={trace.packet.destination} reached={trace.verdict === 'allow'} />
    </div>
  )
}

function End({title, nic, address, reached = true}: {title: string; nic: string | null; address: string; reached?: boolean}) {
  return (
    <div className={`way-end ${reached ? '' : 'unreached'}`}>
      <Icon name="nics" />
      <span className="dim small">{title}</span>
      {nic ? <NICLink id={nic} /> : null}
      <span className="mono">{address}</span>
    </div>
  )
}

function Wire({egress, ingress, reached}: {egress?: TraceLeg; ingress?: TraceLeg; reached: boolean}) {
  const same = egress && ingress && egress.host !== null && egress.host === ingress.host
  const text = same ? t.sameHost : egress && ingress ? t.wire : egress ? t.outside : t.fromOutside
  return (
    <div className={`way-wire ${reached ? '' : 'unreached'}`}>
      <span className="line" aria-hidden="true" />
      <span className="dim small">
        {text}
        {egress?.datapath.output && <span className="mono"> {egress.datapath.output}</span>}
      </span>
      <span className="line" aria-hidden="true" />
    </div>
  )
}

function Leg({leg, reached}: {leg: TraceLeg; reached: boolean}) {
  const path = hops(leg.datapath.steps)
  return (
    <section className={`leg ${reached ? '' : 'unreached'}`} aria-label={t.leg[leg.direction]}>
      <header>
        <Icon name="hosts" />
        <h2>{leg.hidden ? t.anotherAccount : <HostLink id={leg.host} />}</h2>
        <span className="dim small">{t.leg[leg.direction]}</span>
      </header>
      <div className="sides">
        <Side title={t.policy} verdict={leg.policy.verdict} reason={leg.policy.reason} group={leg.policy.group} rule={leg.policy.rule} detail={leg.policy.clause?.service ?? ''} />
        <Side title={t.datapath} verdict={leg.datapath.verdict} reason={leg.datapath.reason} group={leg.datapath.group} rule={leg.datapath.rule} detail={leg.datapath.detail} />
        {leg.probe && <Side title={t.probeSide} verdict={leg.probe.verdict} reason={leg.probe.reason} group={null} rule={null} detail={leg.probe.detail || (leg.probe.table_name ?? '')} />}
      </div>
      {path.length > 0 && <Hops path={path} denied={leg.datapath.verdict === 'deny'} />}
      {leg.datapath.unparsed.map((u) => (
        <p key={u} className="note warn mono small">
          {t.unparsed} {u}
        </p>
      ))}
    </section>
  )
}

function Side({title, verdict, reason, group, rule, detail}: {title: string; verdict: string; reason: string; group: string | null; rule: string | null; detail: string}) {
  const {group: find, nameOf} = useAccountPage()
  const found = group && rule ? find(group)?.rules.find((r) => r.id === rule) : undefined
  return (
    <div className={`side-verdict ${verdictTone(verdict)}`}>
      <p className="side-title">
        <span className="dim small">{title}</span> <Badge tone={verdictTone(verdict)}>{verdict}</Badge>
      </p>
      <p>
        {rule && group ? (
          <>
            {t.byRule} <GroupLink id={group} /> <span className="dim small">{found?.description || (found ? '' : `${nameOf(group)}/${rule}`)}</span>
          </>
        ) : (
          (t.reasons[reason] ?? reason)
        )}
      </p>
      {detail && <p className="dim small">{detail}</p>}
    </div>
  )
}

/** The tables in the order that the packet passes them; each opens to its flows. */
function Hops({path, denied}: {path: Hop[]; denied: boolean}) {
  return (
    <ol className="hops">
      {path.map((h, i) => (
          <li key={i} className={`${i === path.length - 1 && denied ? 'stopped' : ''} ${h.rule ? 'by-rule' : ''} ${h.foreign ? 'foreign' : ''}`}>
            <details>
              <summary>
                <span className="num dim">{h.table}</span> {h.name}
                {h.rule && <Badge tone="allow">{t.rule}</Badge>}
                {h.miss && <Badge tone="deny">{t.noMatch}</Badge>}
                {h.foreign && <Badge tone="deny">{t.foreign}</Badge>}
                {h.steps[0]?.ct_state && <span className="ct mono">ct {h.steps[0].ct_state}</span>}
              </summary>
              {h.steps.map((s, j) => (
                <div className="flow mono small" key={j}>
                  <p>
                    <span className="dim">priority {s.priority}</span> {s.match || '*'}
                  </p>
                  <p className="dim">→ {s.actions}</p>
                  <p className="dim">
                    {s.cookie} {s.kind}
                  </p>
                </div>
              ))}
            </details>
          </li>
      ))}
    </ol>
  )
}
