// The account that the pages are of, and what the reader may do in it.
import {createContext, type ReactNode, useContext, useMemo} from 'react'

import type {NameOf} from '../lib/service'
import {useGroups, useSharedGroups} from './queries'
import {type Identity, type Rights, rightsOf} from './session'
import type {Group, SharedGroup} from './types'

interface Who {
  identity: Identity
  rights: Rights
  version: string
}

const WhoContext = createContext<Who | null>(null)

export function WhoProvider({identity, version, children}: {identity: Identity; version: string; children: ReactNode}) {
  const value = useMemo(() => ({identity, version, rights: rightsOf(identity)}), [identity, version])
  return <WhoContext.Provider value={value}>{children}</WhoContext.Provider>
}

export function useWho(): Who {
  const who = useContext(WhoContext)
  if (!who) throw new Error('useWho without a session')
  return who
}

interface InAccount {
  account: string
  groups: Group[]
  /** Those of other accounts that this one may use. */
  shared: SharedGroup[]
  groupsLoaded: boolean
  nameOf: NameOf
  group: (id: string) => Group | undefined
  /** The path of a page of this account. */
  path: (page: string) => string
}

export const AccountContext = createContext<InAccount | null>(null)
const noGroups: Group[] = []
const noShared: SharedGroup[] = []

export function AccountProvider({account, children}: {account: string; children: ReactNode}) {
  const {data} = useGroups(account)
  const {data: sharedData} = useSharedGroups(account)
  const value = useMemo<InAccount>(() => {
    const groups = data?.items ?? noGroups
    const byID = new Map(groups.map((g) => [g.id, g]))
    const shared = sharedData?.items ?? noShared
    const names = new Map(shared.map((g) => [g.id, `${g.account}/${g.name}`]))
    return {
      account, groups, shared, groupsLoaded: Boolean(data),
      group: (id) => byID.get(id),
      nameOf: (id) => byID.get(id)?.name ?? names.get(id) ?? id,
      path: (page) => accountPath(account, page),
    }
  }, [account, data, sharedData])
  return <AccountContext.Provider value={value}>{children}</AccountContext.Provider>
}

export const accountPath = (account: string, page: string) => `/a/${encodeURIComponent(account)}${page && `/${page}`}`

export function useAccountPage(): InAccount {
  const a = useContext(AccountContext)
  if (!a) throw new Error('useAccountPage outside of an account')
  return a
}
