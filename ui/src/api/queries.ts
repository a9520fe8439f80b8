// What pages read. Keys begin with the account, or with "platform"; events make
// what they concern stale.
import {keepPreviousData, type QueryKey, useQuery} from '@tanstack/react-query'

import {answer, answerWithETag, api, collect} from './client'
import type {Account, AuditEntry, EffectiveRule, Group, Host, Instance, Member, Network, NIC, Rule, SharedGroup} from './types'

const page = {limit: 1000}

/** What a page shows of a list; Truncated says when that is not all. */
const items = <T>(list: {items: T[]}) => list.items

/** How many items a list has that ends before its end, as it was collected under a key; null if it is whole. */
export function useTruncation(of: QueryKey): number | null {
  const {data} = useQuery<{items: unknown[]; more: boolean}>({queryKey: of, enabled: false})
  return data?.more ? data.items.length : null
}

export const useAccounts = (enabled: boolean) =>
  useQuery({
    queryKey: ['platform', 'accounts'], enabled, select: items<Account>,
    queryFn: () => collect<Account>((cursor) => api.GET('/v1/accounts', {params: {query: {...page, cursor}}})),
  })

export const useAccount = (account: string) =>
  useQuery({
    queryKey: [account, 'account'],
    queryFn: () => answer(api.GET('/v1/accounts/{account}', {params: {path: {account}}})),
  })

export const useGroups = (account: string) =>
  useQuery({
    queryKey: [account, 'groups'],
    queryFn: () => collect<Group>((cursor) => api.GET('/v1/accounts/{account}/security-groups', {params: {path: {account}, query: {...page, cursor}}})),
  })

/** Groups of other accounts that the account may use; they have names with a slash. */
export const useSharedGroups = (account: string) =>
  useQuery({
    queryKey: [account, 'shared-groups'],
    queryFn: () => collect<SharedGroup>((cursor) => api.GET('/v1/accounts/{account}/shared-groups', {params: {path: {account}, query: {...page, cursor}}})),
  })

export const useGroup = (account: string, group: string) =>
  useQuery({
    queryKey: [account, 'groups', group],
    queryFn: () => answerWithETag(api.GET('/v1/accounts/{account}/security-groups/{group}', {params: {path: {account, group}}})),
  })

/** What the rules open, and what the other ends say to it. */
export const useMatrix = (account: string, network: string) =>
  useQuery({
    queryKey: [account, 'matrix', network], placeholderData: keepPreviousData,
    queryFn: () => answer(api.GET('/v1/accounts/{account}/matrix', {params: {path: {account}, query: {network: network || undefined}}})),
  })

export const useAccountRealization = (account: string) =>
  useQuery({
    queryKey: [account, 'realization'], refetchInterval: 3000,
    queryFn: () => answer(api.GET('/v1/accounts/{account}/realization', {params: {path: {account}}})),
  })

/** What the API process has seen of the last hour. */
export const useActivity = (account: string) =>
  useQuery({
    queryKey: [account, 'activity'], refetchInterval: 5000, placeholderData: keepPreviousData,
    queryFn: () => answer(api.GET('/v1/accounts/{account}/activity', {params: {path: {account}}})),
  })

export const useNICs = (account: string) =>
  useQuery({
    queryKey: [account, 'nics'],
    queryFn: () => collect<NIC>((cursor) => api.GET('/v1/accounts/{account}/nics', {params: {path: {account}, query: {...page, cursor}}})),
  })

export const useNIC = (account: string, nic: string) =>
  useQuery({
    queryKey: [account, 'nics', nic],
    queryFn: () => answer(api.GET('/v1/accounts/{account}/nics/{nic}', {params: {path: {account, nic}}})),
  })

export const useInstances = (account: string) =>
  useQuery({
    queryKey: [account, 'instances'],
    queryFn: () => collect<Instance>((cursor) => api.GET('/v1/accounts/{account}/instances', {params: {path: {account}, query: {...page, cursor}}})),
  })

export const useInstance = (account: string, instance: string) =>
  useQuery({
    queryKey: [account, 'instances', instance],
    queryFn: () => answerWithETag(api.GET('/v1/accounts/{account}/instances/{instance}', {params: {path: {account, instance}}})),
  })

/** The groups attached to an instance, which judge all of its NICs. */
export const useInstanceGroups = (account: string, instance: string) =>
  useQuery({
    queryKey: [account, 'instances', instance, 'groups'],
    queryFn: () => answer(api.GET('/v1/accounts/{account}/instances/{instance}/security-groups', {params: {path: {account, instance}}})),
  })

export const useEffectiveRules = (account: string, nic: string) =>
  useQuery({
    queryKey: [account, 'nics', nic, 'effective-rules'],
    queryFn: () => collect<EffectiveRule>((cursor) => api.GET('/v1/accounts/{account}/nics/{nic}/effective-rules', {params: {path: {account, nic}, query: {...page, cursor}}})),
  })

export const useMembers = (account: string, group: string) =>
  useQuery({
    queryKey: [account, 'groups', group, 'members'],
    queryFn: () => collect<Member>((cursor) => api.GET('/v1/accounts/{account}/security-groups/{group}/members', {params: {path: {account, group}, query: {...page, cursor}}})),
  })

export const useReferences = (account: string, group: string) =>
  useQuery({
    queryKey: [account, 'groups', group, 'references'],
    queryFn: () => answer(api.GET('/v1/accounts/{account}/security-groups/{group}/references', {params: {path: {account, group}}})),
  })

export const useGroupRealization = (account: string, group: string) =>
  useQuery({
    queryKey: [account, 'groups', group, 'realization'], refetchInterval: 5000,
    queryFn: () => answer(api.GET('/v1/accounts/{account}/security-groups/{group}/realization', {params: {path: {account, group}}})),
  })

/** Rules with what they let through; hosts are asked, so it is not read often. */
export const useHits = (account: string, group: string, enabled = true) =>
  useQuery({
    queryKey: [account, 'hits', group], enabled, staleTime: 15000, refetchInterval: 20000, placeholderData: keepPreviousData,
    queryFn: async () =>
      (await collect<Rule>((cursor) => api.GET('/v1/accounts/{account}/security-groups/{group}/rules', {params: {path: {account, group}, query: {...page, cursor, hits: true}}}))).items,
  })

export const useConnections = (account: string, options: {nic?: string; every?: number; enabled?: boolean} = {}) =>
  useQuery({
    queryKey: [account, 'connections', options.nic ?? ''], enabled: options.enabled ?? true, refetchInterval: options.every ?? false, placeholderData: keepPreviousData,
    queryFn: () => answer(api.GET('/v1/accounts/{account}/connections', {params: {path: {account}, query: {nic: options.nic, limit: 1000}}})),
  })

export interface AuditFilter {
  actor?: string
  kind?: string
  id?: string
  action?: string
  since?: string
}

export const auditPage = (account: string | null, filter: AuditFilter, limit: number, cursor?: string) =>
  answer(
    account
      ? api.GET('/v1/accounts/{account}/audit', {params: {path: {account}, query: {...filter, limit, cursor} as object}})
      : api.GET('/v1/audit', {params: {query: {...filter, limit, cursor} as object}}),
  ) as Promise<{items: AuditEntry[]; next_cursor: string | null; revision: number}>

export const useAudit = (account: string | null, filter: AuditFilter = {}, limit = 20) =>
  useQuery({queryKey: [account ?? 'platform', 'audit', filter, limit], placeholderData: keepPreviousData, queryFn: () => auditPage(account, filter, limit)})

export const useHosts = (enabled = true) =>
  useQuery({
    queryKey: ['platform', 'hosts'], enabled, refetchInterval: 3000,
    queryFn: () => collect<Host>((cursor) => api.GET('/v1/hosts', {params: {query: {...page, cursor}}})), select: items<Host>,
  })

export const useRealization = (enabled = true) =>
  useQuery({
    queryKey: ['platform', 'realization'], enabled, refetchInterval: 3000,
    queryFn: () => answer(api.GET('/v1/realization')),
  })

export const useCluster = (enabled = true) =>
  useQuery({queryKey: ['platform', 'cluster'], enabled, refetchInterval: 15000, queryFn: () => answer(api.GET('/v1/cluster'))})

export const useNetworks = (enabled = true) =>
  useQuery({
    queryKey: ['platform', 'networks'], enabled, select: items<Network>,
    queryFn: () => collect<Network>((cursor) => api.GET('/v1/networks', {params: {query: {...page, cursor}}})),
  })

export const useBaseline = (enabled = true) =>
  useQuery({queryKey: ['platform', 'baseline'], enabled, queryFn: () => answer(api.GET('/v1/baseline'))})
