import {faultAt} from '../api/problem'
import type {Group, GroupWrite} from '../api/types'
import {groups as t} from '../texts'
import {SelectField, TextField} from './Field'
import {listOf} from './FormDialog'

export interface GroupForm {
  name: string
  description: string
  tags: string
  egress: string
  scope: string
  networks: string
}

export const newGroup: GroupForm = {name: '', description: '', tags: '', egress: 'auto', scope: 'any', networks: ''}

export const groupPointers = ['/name', '/description', '/tags', '/egress_policy', '/network_scope', '/networks', '/networks/0']

export const groupFormOf = (g: Group): GroupForm => ({
  name: g.name, description: g.description, egress: g.egress_policy, scope: g.network_scope, networks: g.networks.join(', '), tags: Object.entries(g.tags).map(([k, v]) => (v ? `${k}=${v}` : k)).join(', '),
})

const tagsOf = (text: string): Record<string, string> =>
  Object.fromEntries(text.split(',').map((s) => s.trim()).filter(Boolean).map((s) => [s.split('=')[0]!.trim(), s.split('=').slice(1).join('=').trim()]))

/** The form as the API takes it; tags that are gone are null in a merge patch. */
export function groupWriteOf(f: GroupForm, before?: Group): GroupWrite {
  const tags: Record<string, string | null> = tagsOf(f.tags)
  for (const key of Object.keys(before?.tags ?? {})) if (!(key in tags)) tags[key] = null
  const scope = {network_scope: f.scope, networks: f.scope === 'listed' ? listOf(f.networks) : []}
  const same = scope.network_scope === (before?.network_scope ?? 'any') && scope.networks.join() === (before?.networks ?? []).join()
  return {...(before?.is_default ? {} : {name: f.name.trim()}), description: f.description, tags, egress_policy: f.egress, ...(same ? {} : scope)}
}

export function GroupFields({form: f, onChange, error, fixedName}: {form: GroupForm; onChange: (f: GroupForm) => void; error: unknown; fixedName?: boolean}) {
  const set = (change: Partial<GroupForm>) => onChange({...f, ...change})
  return (
    <>
      <TextField label={t.name} value={f.name} onChange={(e) => set({name: e.target.value})} error={faultAt(error, '/name')} required disabled={fixedName} />
      <TextField label={t.description} value={f.description} onChange={(e) => set({description: e.target.value})} error={faultAt(error, '/description')} />
      <TextField label={t.tags} value={f.tags} onChange={(e) => set({tags: e.target.value})} hint={t.tagsHint} error={faultAt(error, '/tags')} />
      <SelectField label={t.egress} value={f.egress} onChange={(e) => set({egress: e.target.value})} error={faultAt(error, '/egress_policy')}>
        {Object.entries(t.egressPolicies).map(([v, text]) => (
          <option key={v} value={v}>
            {text}
          </option>
        ))}
      </SelectField>
      <SelectField label={t.scope} value={f.scope} onChange={(e) => set({scope: e.target.value})} error={faultAt(error, '/network_scope')}>
        {Object.entries(t.scopes).map(([v, text]) => (
          <option key={v} value={v}>
            {text}
          </option>
        ))}
      </SelectField>
      {f.scope === 'listed' && (
        <TextField
          label={t.networks} value={f.networks} onChange={(e) => set({networks: e.target.value})} hint={t.networksHint} className="mono"
          error={faultAt(error, '/networks', '/networks/0', '/networks/1', '/networks/2')}
        />
      )}
    </>
  )
}
