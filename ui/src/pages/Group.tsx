import {useState} from 'react'
import {Link, useLocation, useSearch} from 'wouter'

import {useAccountPage, useWho} from '../api/account'
import {useGroup, useGroupRealization} from '../api/queries'
import type {Group} from '../api/types'
import {Badge, State} from '../components/Badge'
import {ChangeList} from '../components/ChangeList'
import {GroupDelete} from '../components/GroupDelete'
import {GroupNICs} from '../components/GroupNICs'
import {GroupRules} from '../components/GroupRules'
import {GroupSettings} from '../components/GroupSettings'
import {Icon} from '../components/Icon'
import {Loading, PageHead} from '../components/Layout'
import {ProblemNote} from '../components/ProblemNote'
import {group as t, groups as tg, review as tr} from '../texts'

type Tab = keyof typeof t.tabs

/** One group: its rules, whom it judges, what it is, and who changed it. */
export function GroupPage({id}: {id: string}) {
  const {account, path} = useAccountPage()
  const {rights} = useWho()
  const read = useGroup(account, id)
  const search = new URLSearchParams(useSearch())
  const [location, go] = useLocation()
  const [deleting, setDeleting] = useState(false)
  const tab = (Object.keys(t.tabs) as Tab[]).find((x) => x === search.get('tab')) ?? 'rules'
  if (!read.data) return read.error ? <ProblemNote error={read.error} /> : <Loading />
  const g = read.data.data as Group
  return (
    <>
      <PageHead
        crumb={<Link href={path('groups')}>{tg.title}</Link>} hint={g.description || undefined}
        title={
          <>
            {g.name} {g.is_default && <Badge>{tg.default}</Badge>}
          </>
        }
      >
        <InForce account={account} id={id} />
        {rights.write && !g.is_default && (
          <button className="quiet" onClick={() => setDeleting(true)}>
            <Icon name="trash" /> {t.deleteGroup}
          </button>
        )}
      </PageHead>
      <div className="tabs" role="tablist">
        {(Object.keys(t.tabs) as Tab[]).map((x) => (
          <button key={x} role="tab" aria-selected={x === tab} onClick={() => go(`${location}${x === 'rules' ? '' : `?tab=${x}`}`, {replace: true})}>
            {t.tabs[x]}
          </button>
        ))}
      </div>
      {tab === 'rules' && <GroupRules group={g} etag={read.data.etag} />}
      {tab === 'nics' && <GroupNICs group={g} />}
      {tab === 'settings' && <GroupSettings key={g.id} group={g} etag={read.data.etag} />}
      {tab === 'changes' && <ChangeList account={account} filter={{id}} />}
      {deleting && <GroupDelete group={g} onClose={() => setDeleting(false)} onDeleted={() => go(path('groups'))} />}
    </>
  )
}

function InForce({account, id}: {account: string; id: string}) {
  const {data} = useGroupRealization(account, id)
  if (!data) return null
  if (data.state === 'realized') return <State tone="allow">{t.inForce}</State>
  return (
    <span title={data.lagging.map((l) => t.lagging(l.host ?? tr.someHosts, l.reason)).join('\n')}>
      <State tone="warn">{t.pending}</State>
    </span>
  )
}
