import {Link} from 'wouter'

import {accountPath} from '../api/account'
import {useAccounts} from '../api/queries'
import {Copy} from '../components/Copy'
import {Empty, Loading, PageHead, Panel, Table} from '../components/Layout'
import {ProblemNote} from '../components/ProblemNote'
import {accounts as t} from '../texts'

export function Accounts() {
  const list = useAccounts(true)
  return (
    <>
      <PageHead title={t.title} hint={t.hint} />
      <ProblemNote error={list.error} />
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
    </>
  )
}
