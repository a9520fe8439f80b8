import {useQuery} from '@tanstack/react-query'
import {Link} from 'wouter'

import {accountPath} from '../api/account'
import {answer, api} from '../api/client'
import {useAccounts} from '../api/queries'
import {State} from '../components/Badge'
import {FlowBrowser} from '../components/FlowBrowser'
import {Figure, Loading, PageHead, Panel, Table} from '../components/Layout'
import {ProblemNote} from '../components/ProblemNote'
import {Ago} from '../components/Time'
import {hosts as t, nics as tn, overview as to} from '../texts'

/** One host: what it reports, its NICs, and the flows that it has. */
export function HostPage({id}: {id: string}) {
  const read = useQuery({
    queryKey: ['platform', 'hosts', id], refetchInterval: 3000, queryFn: () => answer(api.GET('/v1/hosts/{host}', {params: {path: {host: id}}})),
  })
  const accounts = useAccounts(true)
  if (!read.data) return read.error ? <ProblemNote error={read.error} /> : <Loading />
  const h = read.data
  return (
    <>
      <PageHead crumb={<Link href="/hosts">{t.title}</Link>} title={<span className="mono">{h.id}</span>} hint={h.version}>
        <State tone={h.alive && h.connected && !h.errors.length ? 'allow' : 'deny'}>{!h.alive ? to.away : !h.connected ? to.noSwitch : h.errors.length ? to.errors(h.errors.length) : to.fine}</State>
      </PageHead>
      <dl className="figures">
        <Figure name={t.columns.applied} value={h.applied_revision} />
        <Figure name={t.columns.nics} value={`${h.nics.filter((n) => n.ready).length} / ${h.nics.length}`} />
        <Figure name={t.columns.flows} value={h.flows.toLocaleString('en')} />
        <Figure name={t.columns.seen} value={<Ago at={h.last_seen} />} />
        <Figure name={t.columns.started} value={<Ago at={h.started_at} />} />
      </dl>
      {h.receipt && <p className="dim">{t.receipt(h.receipt)}</p>}
      {h.errors.length > 0 && (
        <div className="note deny" role="alert">
          <ul>
            {h.errors.map((e) => (
              <li key={e}>{e}</li>
            ))}
          </ul>
        </div>
      )}
      <Panel flush title={t.nicsHere}>
        <Table dense label={t.nicsHere} head={[t.nicColumns.nic, t.nicColumns.ofport, t.nicColumns.state, t.nicColumns.applied, t.nicColumns.error]}>
          {h.nics.map((n) => (
            <tr key={n.id}>
              <td className="mono">{n.id}</td>
              <td className="num">{n.ofport}</td>
              <td>
                <State tone={n.conflict ? 'deny' : n.ready ? 'allow' : 'warn'}>{n.conflict ? tn.conflict : n.ready ? tn.ready : tn.notReady}</State>
              </td>
              <td className="num">{n.applied_revision}</td>
              <td className="deny-text">{n.error || n.conflict}</td>
            </tr>
          ))}
        </Table>
      </Panel>
      {accounts.data && accounts.data.length > 0 && <FlowBrowser host={id} accounts={accounts.data.map((a) => a.id)} />}
      {accounts.data?.length === 0 && <Link href={accountPath('', '')}>{t.noAccounts}</Link>}
    </>
  )
}
