import {useMemo, useState} from 'react'

import {useAccountPage, useWho} from '../api/account'
import {useNICs} from '../api/queries'
import {Copy} from '../components/Copy'
import {SearchBox} from '../components/Field'
import {Icon} from '../components/Icon'
import {Empty, Loading, PageHead, Panel, Table} from '../components/Layout'
import {GroupLink, HostLink, InstanceLink, NICLink} from '../components/Links'
import {NICDialog} from '../components/NICDialog'
import {NICState} from '../components/NICState'
import {ProblemNote} from '../components/ProblemNote'
import {Truncated} from '../components/Truncated'
import {common, creating, nics as t} from '../texts'

export function NICs() {
  const {account, nameOf} = useAccountPage()
  const list = useNICs(account)
  const {rights} = useWho()
  const [open, setOpen] = useState(false)
  const [query, setQuery] = useState('')
  const [shown, setShown] = useState(100)
  const q = query.trim().toLowerCase()
  const items = useMemo(
    () =>
      (list.data?.items ?? []).filter(
        (n) => !q || [n.id, n.instance ?? '', n.network, n.host ?? '', n.mac, ...n.addresses, ...n.effective_groups.map((g) => nameOf(g.id))].some((s) => s.toLowerCase().includes(q)),
      ),
    [list.data, q, nameOf],
  )
  return (
    <>
      <PageHead title={t.title} hint={t.hint}>
        <SearchBox value={query} onChange={setQuery} label={t.filter} />
        {rights.platformWrite && (
          <button className="primary" onClick={() => setOpen(true)}>
            <Icon name="plus" /> {creating.newNIC}
          </button>
        )}
      </PageHead>
      {open && <NICDialog nic={null} onClose={() => setOpen(false)} />}
      <ProblemNote error={list.error} />
      <Truncated of={[account, 'nics']} />
      {!list.data ? (
        !list.error && <Loading />
      ) : list.data.items.length === 0 ? (
        <Empty title={t.emptyTitle}>
          <p>{t.empty}</p>
          <Copy text={t.emptyCommand(account)} />
        </Empty>
      ) : (
        <Panel flush>
          <Table label={t.title} head={[t.columns.nic, t.columns.addresses, t.columns.groups, t.columns.egress, t.columns.network, t.columns.host, t.columns.state]}>
            {items.slice(0, shown).map((n) => (
              <tr key={n.id}>
                <td>
                  <NICLink id={n.id} />
                  {n.instance && (
                    <span className="small">
                      {' '}
                      <InstanceLink id={n.instance} />
                    </span>
                  )}
                </td>
                <td className="mono">{n.addresses.join(', ')}</td>
                <td className="wrap-list">
                  {n.effective_groups.map((g) => (
                    <GroupLink key={g.id} id={g.id} />
                  ))}
                </td>
                <td>{n.egress_restricted ? t.egressRestricted : <span className="dim">{t.egressOpen}</span>}</td>
                <td className="mono">{n.network}</td>
                <td>
                  <HostLink id={n.host} />
                </td>
                <td>
                  <NICState nic={n} />
                </td>
              </tr>
            ))}
          </Table>
          {items.length === 0 && <Empty title={t.noMatch} />}
          {items.length > shown && (
            <button className="quiet more" onClick={() => setShown(shown + 200)}>
              {common.more}
            </button>
          )}
        </Panel>
      )}
    </>
  )
}
