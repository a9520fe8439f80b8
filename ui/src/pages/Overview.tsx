import {Link} from 'wouter'

import {useAccountPage, useWho} from '../api/account'
import {useLive, useWatch} from '../api/live'
import {useAccountRealization, useGroups, useHosts, useNICs} from '../api/queries'
import {Alarms} from '../components/Alarms'
import {State} from '../components/Badge'
import {ChangeList} from '../components/ChangeList'
import {Copy} from '../components/Copy'
import {DropsByNIC} from '../components/DropsByNIC'
import {Empty, Figure, Loading, PageHead, Panel, Table} from '../components/Layout'
import {HostLink, NICLink} from '../components/Links'
import {NICState} from '../components/NICState'
import {ProblemNote} from '../components/ProblemNote'
import {Ago} from '../components/Time'
import {nics as tn, overview as t, shell as ts} from '../texts'

/** What is in force where, what lags and why, and what happened lately. */
export function Overview() {
  const {account, path} = useAccountPage()
  const {rights} = useWho()
  const live = useLive()
  const disagreements = live.alarms.filter((a) => a.kind === 'trace-disagreement').length
  useWatch('drops')
  const nics = useNICs(account)
  const groups = useGroups(account)
  const revision = Math.max(groups.data?.revision ?? 0, nics.data?.revision ?? 0)
  const troubled = (nics.data?.items ?? []).filter((n) => n.host && (!n.ready || n.conflict || n.enforcement === 'off'))
  const plugged = (nics.data?.items ?? []).filter((n) => n.host)
  return (
    <>
      <PageHead title={account} hint={t.hint}>
        <State tone={live.stream === 'live' ? 'allow' : 'warn'}>{ts.liveState[live.stream]}</State>
      </PageHead>
      <ProblemNote error={groups.error ?? nics.error} />
      {!groups.data || !nics.data ? (
        !(groups.error ?? nics.error) && <Loading />
      ) : (
        <>
          <dl className="figures">
            <InForce account={account} />
            <Figure name={t.revision} value={revision.toLocaleString('en')} />
            <Figure name={ts.groups} value={<Link href={path('groups')}>{groups.data.items.length.toLocaleString('en')}</Link>} />
            <Figure name={ts.nics} value={<Link href={path('nics')}>{nics.data.items.length.toLocaleString('en')}</Link>} note={t.plugged(plugged.length)} />
            <Figure
              name={t.drops} tone={live.drops.rows.length ? 'deny' : ''} note={live.dropsSince ? <>{t.since} <Ago at={live.dropsSince} /></> : undefined}
              value={<Link href={path('live')}>{live.drops.rows.reduce((n, r) => n + r.seen, 0).toLocaleString('en')}</Link>}
            />
            <Figure name={t.disagreements} value={disagreements} tone={disagreements ? 'deny' : ''} note={t.sinceOpened} />
          </dl>
          <Alarms />
          {nics.data.items.length === 0 && <FirstSteps />}
          {troubled.length > 0 && (
            <Panel flush title={t.troubled}>
              <Table label={t.troubled} head={[tn.columns.nic, tn.columns.host, tn.columns.state, '']}>
                {troubled.slice(0, 20).map((n) => (
                  <tr key={n.id}>
                    <td>
                      <NICLink id={n.id} />
                    </td>
                    <td>
                      <HostLink id={n.host} />
                    </td>
                    <td>
                      <NICState nic={n} />
                    </td>
                    <td className="dim">{n.conflict?.detail}</td>
                  </tr>
                ))}
              </Table>
            </Panel>
          )}
          <div className="columns even">
            <Panel title={t.changes} aside={<Link href={path('changes')}>{t.allChanges}</Link>} flush>
              <ChangeList account={account} limit={8} compact />
            </Panel>
            <div>
              <Panel title={t.dropsByNIC} aside={<Link href={path('live')}>{ts.live}</Link>} flush>
                <DropsByNIC />
              </Panel>
              {rights.platform && <HostsPanel />}
            </div>
          </div>
        </>
      )}
    </>
  )
}

/** Whether everything of the account is applied, and who is behind. */
function InForce({account}: {account: string}) {
  const r = useAccountRealization(account)
  if (!r.data) return <Figure name={t.inForce} value="…" />
  const lagging = r.data.lagging
  return (
    <Figure
      name={t.inForce} tone={lagging.length ? 'warn' : 'allow'} value={lagging.length ? t.behind(lagging.length) : t.everywhere}
      note={lagging.length ? lagging.slice(0, 3).map((l) => t.withReason(l.host, l.reason)).join('; ') : undefined}
    />
  )
}

function HostsPanel() {
  const hosts = useHosts()
  if (!hosts.data?.length) return null
  return (
    <Panel title={ts.hosts} aside={<Link href="/hosts">{t.allHosts}</Link>} flush>
      <Table dense label={ts.hosts} head={[t.host, t.state, t.applied, t.seen]}>
        {hosts.data.slice(0, 8).map((h) => (
          <tr key={h.id}>
            <td>
              <HostLink id={h.id} />
            </td>
            <td>
              <State tone={h.alive && h.connected && !h.errors.length ? 'allow' : 'deny'}>{!h.alive ? t.away : !h.connected ? t.noSwitch : h.errors.length ? t.errors(h.errors.length) : t.fine}</State>
            </td>
            <td className="num">{h.applied_revision}</td>
            <td>
              <Ago at={h.last_seen} />
            </td>
          </tr>
        ))}
      </Table>
    </Panel>
  )
}

function FirstSteps() {
  const {account} = useAccountPage()
  return (
    <Empty title={t.firstTitle}>
      <p>{t.first}</p>
      <Copy text={tn.emptyCommand(account)} />
    </Empty>
  )
}
