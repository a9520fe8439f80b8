import {useState} from 'react'
import {Link, useLocation} from 'wouter'

import {accountPath, useWho} from '../api/account'
import {useAccounts} from '../api/queries'
import {AccountCreate} from '../components/AccountCreate'
import {Copy} from '../components/Copy'
import {Icon} from '../components/Icon'
import {Empty, Loading, PageHead, Panel, Table} from '../components/Layout'
import {ProblemNote} from '../components/ProblemNote'
import {Truncated} from '../components/Truncated'
import {accounts as t, creating} from '../texts'

export function Accounts() {
  const list = useAccounts(true)
  const {rights} = useWho()
  const [open, setOpen] = useState(false)
  const [, go] = useLocation()
  return (
    <>
      <PageHead title={t.title} hint={t.hint}>
        {rights.platformWrite && (
          <button className="primary" onClick={() => setOpen(true)}>
            <Icon name="plus" /> {creating.newAccount}
          </button>
        )}
      </PageHead>
      <ProblemNote error={list.error} />
      <Truncated of={['platform', 'accounts']} />
      {!list.data ? (
        !list.error && <Loading />
      ) : list.data.length === 0 ? (
        <Empty title={t.emptyTitle}>
          <p>{t.empty}</p>
          <Copy text={t.emptyCommand} />
        </Empty>
      ) : (
        <Panel flush>
          <Table label={t.title} head={[t.columns.account, t.columns.groups, t.columns.nics, t.columns.instances, t.columns.egress, t.columns.guard]}>
            {list.data.map((a) => (
              <tr key={a.id}>
                <td>
                  <Link className="strong" href={accountPath(a.id, '')}>
                    {a.id}
                  </Link>
                </td>
                {['security_groups', 'nics', 'instances'].map((q) => (
                  <td key={q} className="num">
                    {a.quotas[q]?.used ?? 0}
                    {a.quotas[q]?.limit != null && <span className="dim"> / {a.quotas[q]?.limit}</span>}
                  </td>
                ))}
                <td>{a.settings.egress_policy_default}</td>
                <td>{a.settings.egress_open_guard}</td>
              </tr>
            ))}
          </Table>
        </Panel>
      )}
      {open && <AccountCreate onClose={() => setOpen(false)} onCreated={(id) => go(accountPath(id, ''))} />}
    </>
  )
}
