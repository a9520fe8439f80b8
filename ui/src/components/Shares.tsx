import {useState} from 'react'

import {useAccountPage, useWho} from '../api/account'
import {answerWithETag, api} from '../api/client'
import {faultAt} from '../api/problem'
import type {Group} from '../api/types'
import {common, shares as t} from '../texts'
import {ConfirmDialog} from './ConfirmDialog'
import {CheckField, TextField} from './Field'
import {type Base, FormDialog} from './FormDialog'
import {Icon} from './Icon'
import {Panel} from './Layout'
import {ProblemNote} from './ProblemNote'

type Share = Group['shares'][number]
type Use = Share['use'][number]
type Open = {what: 'new'} | {what: 'edit'; share: Share; base: Base} | {what: 'end'; share: Share} | null

/** The accounts that may use a group of this one. */
export function Shares({group}: {group: Group}) {
  const {account} = useAccountPage()
  const {rights} = useWho()
  const [open, setOpen] = useState<Open>(null)
  const [fault, setFault] = useState<unknown>(null)
  const close = () => setOpen(null)
  const edit = (share: Share) => {
    const read = () => answerWithETag(api.GET('/v1/accounts/{account}/security-groups/{group}/shares/{grantee}', {params: {path: {account, group: group.id, grantee: share.account}}}))
    setFault(null)
    read().then((r) => setOpen({what: 'edit', share, base: {data: r.data as object, etag: r.etag, read}}), setFault)
  }
  return (
    <Panel
      title={t.title}
      aside={
        rights.write && (
          <button className="quiet" onClick={() => setOpen({what: 'new'})}>
            <Icon name="plus" /> {t.add}
          </button>
        )
      }
    >
      <p className="hint">{t.hint(`${account}/${group.id}`)}</p>
      <ProblemNote error={fault} />
      {group.shares.length === 0 && <p className="dim">{common.none}</p>}
      <ul className="plain">
        {group.shares.map((s) => (
          <li key={s.account}>
            <span className="mono">{s.account}</span> <span className="dim small">{s.use.map((u) => t.uses[u]).join(', ')}</span>
            <span className="grow" />
            {rights.write && (
              <>
                <button className="quiet icon" onClick={() => edit(s)} aria-label={`${common.edit}: ${s.account}`} title={common.edit}>
                  <Icon name="edit" />
                </button>
                <button className="quiet icon" onClick={() => setOpen({what: 'end', share: s})} aria-label={`${t.end}: ${s.account}`} title={t.end}>
                  <Icon name="trash" />
                </button>
              </>
            )}
          </li>
        ))}
      </ul>
      {open?.what === 'new' && <ShareDialog group={group} onClose={close} />}
      {open?.what === 'edit' && <ShareDialog group={group} share={open.share} base={open.base} onClose={close} />}
      {open?.what === 'end' && (
        <ConfirmDialog
          title={`${t.end}: ${open.share.account}`} subject={open.share.account} danger onClose={close}
          send={(o) => api.DELETE('/v1/accounts/{account}/security-groups/{group}/shares/{grantee}', {params: {path: {account, group: group.id, grantee: open.share.account}, ...o}})}
        >
          <p className="hint">{t.endHint}</p>
        </ConfirmDialog>
      )}
    </Panel>
  )
}

function ShareDialog({group, share, base, onClose}: {group: Group; share?: Share; base?: Base; onClose: () => void}) {
  const {account} = useAccountPage()
  const useOf = (f: {attach: boolean; reference: boolean}) => (['attach', 'reference'] as Use[]).filter((u) => f[u])
  return (
    <FormDialog
      title={share ? `${t.change} · ${share.account}` : `${t.add} · ${group.name}`} onClose={onClose} base={base} shown={['/account', '/use']}
      initial={{account: share?.account ?? '', attach: share?.use.includes('attach') ?? false, reference: share?.use.includes('reference') ?? true}}
      send={(f) => (o) =>
        api.PUT('/v1/accounts/{account}/security-groups/{group}/shares/{grantee}', {
          params: {path: {account, group: group.id, grantee: f.account.trim()}, query: o.query, header: share ? o.header : {Prefer: o.header.Prefer, 'If-None-Match': '*'}},
          body: {use: useOf(f)},
        })
      }
      fields={(f, set, error) => (
        <>
          <TextField label={t.account} value={f.account} onChange={(e) => set({account: e.target.value})} error={faultAt(error, '/account')} required disabled={share !== undefined} className="mono" />
          <CheckField label={t.uses.reference} checked={f.reference} onChange={(e) => set({reference: e.target.checked})} />
          <CheckField label={t.uses.attach} checked={f.attach} onChange={(e) => set({attach: e.target.checked})} />
          {faultAt(error, '/use') && <p className="fault">{faultAt(error, '/use')}</p>}
        </>
      )}
    />
  )
}
