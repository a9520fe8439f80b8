import {useCluster, useHosts, useRealization} from '../api/queries'
import {State} from '../components/Badge'
import {Empty, Loading, PageHead, Panel, Table} from '../components/Layout'
import {HostLink} from '../components/Links'
import {ProblemNote} from '../components/ProblemNote'
import {Ago} from '../components/Time'
import {Truncated} from '../components/Truncated'
import {hosts as t, overview as to} from '../texts'

/** Every host: whether it is there, what it has applied, what is wrong. */
export function Hosts() {
  const list = useHosts()
  const r = useRealization()
  const cluster = useCluster()
  const lag = new Map(r.data?.lagging.map((l) => [l.host, l.reason]))
  return (
    <>
      <PageHead title={t.title} hint={r.data ? (r.data.state === 'realized' ? t.realized(r.data.revision) : t.pending(r.data.revision, r.data.lagging.length)) : undefined} />
      <ProblemNote error={list.error} />
      <Truncated of={['platform', 'hosts']} />
      {cluster.data && cluster.data.unreadable.length > 0 && (
        <div className="note deny" role="alert">
          <strong>{t.unreadable}</strong>
          <ul>
            {cluster.data.unreadable.slice(0, 10).map((u) => (
              <li key={u.key}>
                <code>{u.key}</code> {u.reason}
              </li>
            ))}
          </ul>
        </div>
      )}
      {!list.data ? (
        !list.error && <Loading />
      ) : list.data.length === 0 ? (
        <Empty title={t.emptyTitle}>
          <p>{t.empty}</p>
        </Empty>
      ) : (
        <Panel flush>
          <Table label={t.title} head={[t.columns.host, t.columns.state, t.columns.applied, t.columns.nics, t.columns.flows, t.columns.seen, t.columns.started, t.columns.skew, t.columns.version]}>
            {list.data.map((h) => (
              <tr key={h.id}>
                <td>
                  <HostLink id={h.id} />
                </td>
                <td>
                  <State tone={!h.alive || !h.connected || h.errors.length ? 'deny' : lag.has(h.id) ? 'warn' : 'allow'}>
                    {!h.alive ? to.away : !h.connected ? to.noSwitch : h.errors.length ? to.errors(h.errors.length) : (lag.get(h.id) ?? to.fine)}
                  </State>
                </td>
                <td className="num">{h.applied_revision}</td>
                <td className="num">
                  {h.nics.filter((n) => n.ready).length} / {h.nics.length}
                </td>
                <td className="num">{h.flows.toLocaleString('en')}</td>
                <td>
                  <Ago at={h.last_seen} />
                </td>
                <td>
                  <Ago at={h.started_at} />
                </td>
                <td className="num">{h.clock_skew_seconds === null ? '–' : `${h.clock_skew_seconds.toFixed(3)} s`}</td>
                <td className="mono dim">{h.version}</td>
              </tr>
            ))}
          </Table>
        </Panel>
      )}
    </>
  )
}
