import {useQuery} from '@tanstack/react-query'
import {useMemo, useState} from 'react'

import {answer, api} from '../api/client'
import type {Flow} from '../api/types'
import {common, hosts as t} from '../texts'
import {Badge} from './Badge'
import {SelectField, TextField} from './Field'
import {Empty, Loading, Panel, Table} from './Layout'
import {ProblemNote} from './ProblemNote'

const pageLimit = 1000

/** The installed flows of an account's NICs on one host, by table; a cookie says what they are for. */
export function FlowBrowser({host, accounts}: {host: string; accounts: string[]}) {
  const [account, setAccount] = useState(accounts.find((a) => a !== 'default') ?? accounts[0]!)
  const [cookie, setCookie] = useState('')
  const [table, setTable] = useState('')
  const [first, setFirst] = useState(100)
  const wanted = /^0x[0-9a-f]{1,16}$/i.test(cookie.trim()) ? cookie.trim() : undefined
  const flows = useQuery({
    queryKey: ['platform', 'flows', account, wanted], refetchInterval: 10000,
    queryFn: () => answer(api.GET('/v1/accounts/{account}/flows', {params: {path: {account}, query: {limit: pageLimit, cookie: wanted}}})),
  })
  const here = useMemo(() => (flows.data?.items ?? []).filter((f) => f.host === host), [flows.data, host])
  const tables = useMemo(() => [...new Map(here.map((f) => [f.table, f.table_name]))].sort((a, b) => a[0] - b[0]), [here])
  const shown = here.filter((f) => !table || String(f.table) === table)
  const own = flows.data?.hosts.find((h) => h.host === host)
  return (
    <Panel flush title={t.flows} aside={<span className="dim small">{t.flowsHint}</span>}>
      <div className="toolbar fields pad">
        <SelectField label={t.account} value={account} onChange={(e) => setAccount(e.target.value)}>
          {accounts.map((a) => (
            <option key={a}>{a}</option>
          ))}
        </SelectField>
        <SelectField label={t.table} value={table} onChange={(e) => setTable(e.target.value)}>
          <option value="">{t.allTables(here.length)}</option>
          {tables.map(([n, name]) => (
            <option key={n} value={n}>
              {n} {name} ({here.filter((f) => f.table === n).length})
            </option>
          ))}
        </SelectField>
        <TextField label={t.cookie} value={cookie} onChange={(e) => setCookie(e.target.value)} placeholder="0x5247…" data-search error={cookie && !wanted ? t.cookieForm : undefined} />
      </div>
      {own?.error && <p className="note warn">{own.error}</p>}
      {own?.truncated && <p className="note warn">{t.truncated(pageLimit)}</p>}
      <ProblemNote error={flows.error} />
      {wanted && here[0] && <Explained flow={here[0]} n={here.length} />}
      {flows.isPending ? (
        !flows.error && <Loading />
      ) : shown.length === 0 ? (
        <Empty title={wanted ? t.noSuchCookie(account) : t.noFlows} />
      ) : (
        <Table dense label={t.flows} head={[t.flowColumns.table, t.flowColumns.priority, t.flowColumns.match, t.flowColumns.actions, t.flowColumns.packets, t.flowColumns.for]}>
          {shown.slice(0, first).map((f, i) => (
            <tr key={i} title={f.ofctl}>
              <td className="nowrap">
                <span className="num">{f.table}</span> <span className="dim">{f.table_name}</span>
              </td>
              <td className="num">{f.priority}</td>
              <td className="mono break">{f.match || '*'}</td>
              <td className="mono break dim">{f.actions}</td>
              <td className="num">{f.packets.toLocaleString('en')}</td>
              <td className="nowrap">
                <button className="link" onClick={() => setCookie(f.cookie)} title={f.cookie}>
                  {f.kind}
                </button>{' '}
                {f.nic && <span className="mono dim">{f.nic}</span>}
              </td>
            </tr>
          ))}
        </Table>
      )}
      {shown.length > first && (
        <button className="quiet more" onClick={() => setFirst(first + 300)}>
          {common.more}
        </button>
      )}
    </Panel>
  )
}

function Explained({flow: f, n}: {flow: Flow; n: number}) {
  return (
    <p className="note accent">
      <code>{f.cookie}</code> {t.isFor} <Badge>{f.kind}</Badge> {f.nic && <span className="mono">{f.nic}</span>} · {t.flowCount(n)}
      {f.rules.length > 0 && (
        <>
          {' '}
          · {t.ofRules} <span className="mono">{f.rules.map((r) => `${r.group}/${r.rule}`).join(', ')}</span>
        </>
      )}
    </p>
  )
}
