import {useAccountPage} from '../api/account'
import {answerWithETag, api} from '../api/client'
import {faultAt} from '../api/problem'
import type {Instance} from '../api/types'
import {instances as t} from '../texts'
import {TextField} from './Field'
import {FormDialog} from './FormDialog'

/** An instance, new or as it was read to be renamed. */
export function InstanceDialog({instance, onClose}: {instance: {data: Instance; etag: string | null} | null; onClose: () => void}) {
  const {account} = useAccountPage()
  const i = instance?.data ?? null
  const read = () => answerWithETag(api.GET('/v1/accounts/{account}/instances/{instance}', {params: {path: {account, instance: i?.id ?? ''}}}))
  return (
    <FormDialog
      title={i ? t.rename(i.id) : t.create} initial={{id: i?.id ?? '', name: i?.name ?? ''}} onClose={onClose} shown={['/id', '/name']}
      base={instance ? {...instance, read} : undefined}
      send={(f) => (o) =>
        api.PUT('/v1/accounts/{account}/instances/{instance}', {
          params: {path: {account, instance: f.id.trim()}, query: o.query, header: i ? o.header : {Prefer: o.header.Prefer, 'If-None-Match': '*'}},
          body: {name: f.name},
        })
      }
      fields={(f, set, error) => (
        <>
          <TextField label={t.id} value={f.id} onChange={(e) => set({id: e.target.value})} error={faultAt(error, '/id')} required disabled={i !== null} className="mono" />
          <TextField label={t.name} value={f.name} onChange={(e) => set({name: e.target.value})} error={faultAt(error, '/name')} />
        </>
      )}
    />
  )
}
