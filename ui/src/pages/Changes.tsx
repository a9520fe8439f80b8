import {useInfiniteQuery} from '@tanstack/react-query'
import {useState} from 'react'

import {useAccountPage} from '../api/account'
import {auditPage} from '../api/queries'
import {ChangeItems} from '../components/ChangeList'
import {Loading, PageHead, Panel} from '../components/Layout'
import {SelectField, TextField} from '../components/Field'
import {ProblemNote} from '../components/ProblemNote'
import {changes as t, common, group as tg} from '../texts'

const kinds = ['security-group', 'attachment', 'nic', 'instance', 'account']

/** The audit log of the account. */
export function Changes() {
  const {account} = useAccountPage()
  const [actor, setActor] = useState('')
  const [kind, setKind] = useState('')
  const [action, setAction] = useState('')
  const filter = {...(actor ? {actor} : {}), ...(kind ? {kind} : {}), ...(action ? {action} : {})}
  const list = useInfiniteQuery({
    queryKey: [account, 'audit', 'pages', filter],
    queryFn: ({pageParam}) => auditPage(account, filter, 50, pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  })
  const items = list.data?.pages.flatMap((p) => p.items) ?? []
  return (
    <>
      <PageHead title={t.title} hint={t.hint} />
      <div className="toolbar fields">
        <TextField label={t.actor} value={actor} onChange={(e) => setActor(e.target.value)} data-search />
        <SelectField label={t.kind} value={kind} onChange={(e) => setKind(e.target.value)}>
          <option value="">{common.all}</option>
          {kinds.map((k) => (
            <option key={k} value={k}>
              {t.kinds[k]}
            </option>
          ))}
        </SelectField>
        <SelectField label={t.action} value={action} onChange={(e) => setAction(e.target.value)}>
          <option value="">{common.all}</option>
          {['created', 'updated', 'deleted'].map((a) => (
            <option key={a}>{a}</option>
          ))}
        </SelectField>
      </div>
      <ProblemNote error={list.error} />
      {list.isPending && !list.error && <Loading />}
      {list.data && (
        <Panel flush>
          {items.length ? <ChangeItems items={items} /> : <p className="none">{tg.noChanges}</p>}
          {list.hasNextPage && (
            <button className="quiet more" disabled={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
              {common.more}
            </button>
          )}
        </Panel>
      )}
    </>
  )
}
