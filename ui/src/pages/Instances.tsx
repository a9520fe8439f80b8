import {useMemo, useState} from 'react'

import {useAccountPage, useWho} from '../api/account'
import {useInstances} from '../api/queries'
import {SearchBox} from '../components/Field'
import {Icon} from '../components/Icon'
import {InstanceDialog} from '../components/InstanceDialog'
import {Empty, Loading, PageHead, Panel, Table} from '../components/Layout'
import {InstanceLink, NICLink} from '../components/Links'
import {ProblemNote} from '../components/ProblemNote'
import {Truncated} from '../components/Truncated'
import {common, instances as t} from '../texts'

/** The VMs of the account, as the platform knows them. */
export function Instances() {
  const {account} = useAccountPage()
  const {rights} = useWho()
  const list = useInstances(account)
  const [open, setOpen] = useState(false)
  const [query, setQuery] = useState('')
  const [shown, setShown] = useState(100)
  const q = query.trim().toLowerCase()
  const items = useMemo(() => (list.data?.items ?? []).filter((i) => !q || [i.id, i.name, ...i.nics].some((s) => s.toLowerCase().includes(q))), [list.data, q])
  const create = rights.write && (
    <button className="primary" onClick={() => setOpen(true)}>
      <Icon name="plus" /> {t.create}
    </button>
  )
  return (
    <>
      <PageHead title={t.title} hint={t.hint}>
        <SearchBox value={query} onChange={setQuery} label={t.filter} />
        {create}
      </PageHead>
      {open && <InstanceDialog instance={null} onClose={() => setOpen(false)} />}
      <ProblemNote error={list.error} />
      <Truncated of={[account, 'instances']} />
      {!list.data ? (
        !list.error && <Loading />
      ) : list.data.items.length === 0 ? (
        <Empty title={t.emptyTitle}>
          <p>{t.empty}</p>
        </Empty>
      ) : (
        <Panel flush>
          <Table label={t.title} head={[t.columns.instance, t.columns.name, t.columns.nics]}>
            {items.slice(0, shown).map((i) => (
              <tr key={i.id}>
                <td>
                  <InstanceLink id={i.id} />
                </td>
                <td>{i.name}</td>
                <td className="wrap-list">
                  {i.nics.map((n) => (
                    <NICLink key={n} id={n} />
                  ))}
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
