import {useMemo, useState} from 'react'

import {useAccountPage, useWho} from '../api/account'
import {api} from '../api/client'
import {useHits} from '../api/queries'
import type {Group, Rule} from '../api/types'
import {remoteText, ruleText} from '../lib/service'
import {group as t} from '../texts'
import {ConfirmDialog} from './ConfirmDialog'
import {SearchBox} from './Field'
import {Icon} from './Icon'
import {ImportDialog} from './ImportDialog'
import {Panel, Table} from './Layout'
import {RuleDialog} from './RuleDialog'
import {RuleRow} from './RuleRow'

type Open = {what: 'new'} | {what: 'import'} | {what: 'edit'; rule: Rule} | {what: 'delete'; rule: Rule} | null

/** The rules of a group, by direction, with what they let through. */
export function GroupRules({group, etag}: {group: Group; etag: string | null}) {
  const {nameOf, account} = useAccountPage()
  const {rights} = useWho()
  const [open, setOpen] = useState<Open>(null)
  const [query, setQuery] = useState('')
  const hits = useHits(account, group.id)
  const hitsOf = useMemo(() => new Map(hits.data?.map((r) => [r.id, r.hits])), [hits.data])
  const q = query.trim().toLowerCase()
  const rules = group.rules.filter((r) => !q || `${ruleText(r, nameOf)} ${r.description} ${r.id}`.toLowerCase().includes(q))
  const section = (direction: 'ingress' | 'egress') => {
    const list = rules.filter((r) => r.direction === direction).sort((a, b) => Number(a.origin === 'default') - Number(b.origin === 'default'))
    return (
      <Panel
        flush title={t[direction]}
        aside={<span className="dim small">{direction === 'ingress' ? t.ingressHint : group.egress_restricts ? t.egressHint : t.egressOpen}</span>}
      >
        {list.length > 0 ? (
          <Table label={t[direction]} head={[t.columns.service, direction === 'ingress' ? t.from : t.to, t.columns.description, t.columns.hits, t.columns.last, '']}>
            {list.map((r) => (
              <RuleRow
                key={r.id} rule={r} remote={remoteText(r, nameOf)} hits={hitsOf.get(r.id)}
                onEdit={rights.write ? () => setOpen({what: 'edit', rule: r}) : undefined}
                onDelete={rights.write ? () => setOpen({what: 'delete', rule: r}) : undefined}
              />
            ))}
          </Table>
        ) : (
          <p className="none">{direction === 'ingress' ? t.noIngress : group.egress_restricts ? t.egressNone : t.egressOpen}</p>
        )}
      </Panel>
    )
  }
  const close = () => setOpen(null)
  return (
    <>
      <div className="toolbar">
        <SearchBox value={query} onChange={setQuery} label={t.filter} />
        <span className="grow" />
        {rights.write && (
          <>
            <button onClick={() => setOpen({what: 'import'})}>
              <Icon name="upload" /> {t.import}
            </button>
            <button className="primary" onClick={() => setOpen({what: 'new'})}>
              <Icon name="plus" /> {t.addRule}
            </button>
          </>
        )}
      </div>
      {section('ingress')}
      {section('egress')}
      {open?.what === 'new' && <RuleDialog group={group.id} onClose={close} />}
      {open?.what === 'edit' && <RuleDialog group={group.id} rule={open.rule.id} onClose={close} />}
      {open?.what === 'import' && <ImportDialog group={group} etag={etag} onClose={close} />}
      {open?.what === 'delete' && (
        <ConfirmDialog
          title={t.deleteRule} subject={open.rule.id} danger onClose={close}
          send={(o) => api.DELETE('/v1/accounts/{account}/security-groups/{group}/rules/{rule}', {params: {path: {account, group: group.id, rule: open.rule.id}, ...o}})}
        >
          <p className="sentence">
            <b>{ruleText(open.rule, nameOf)}</b>
          </p>
        </ConfirmDialog>
      )}
    </>
  )
}
