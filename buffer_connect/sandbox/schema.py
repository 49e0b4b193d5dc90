"""The part of Buffer's GraphQL schema that this package and its documentation use.

Each type, field, argument and input field here is there in Buffer's published schema, under the
same name and of the same type; those that Buffer requires are all here. So a query that is good
here is good there. What is left out is fewer fields, optional arguments and types.
"""

from graphql import build_schema

SCHEMA = build_schema("""
scalar ChannelId
scalar DateTime
scalar OrganizationId
scalar PostId

type Query {
  account: Account!
  channels(input: ChannelsInput!): [Channel!]!
  posts(input: PostsInput!, first: Int, after: String): PostsResults!
}

type Mutation {
  createPost(input: CreatePostInput!): PostActionPayload!
  deletePost(input: DeletePostInput!): DeletePostPayload!
}

type Account {
  id: ID!
  email: String!
  name: String
  avatar: String!
  organizations: [Organization!]!
}

type Organization {
  id: OrganizationId!
  name: String!
}

enum Service {
  instagram
  facebook
  twitter
  linkedin
  pinterest
  tiktok
  googlebusiness
  startPage
  mastodon
  youtube
  threads
  bluesky
}

input ChannelsInput {
  organizationId: OrganizationId!
}

type Channel {
  id: ChannelId!
  name: String!
  displayName: String
  service: Service!
  avatar: String!
  timezone: String!
  organizationId: OrganizationId!
  isDisconnected: Boolean!
  isLocked: Boolean!
  isQueuePaused: Boolean!
}

enum PostStatus { draft needs_approval scheduled sending sent error }
enum PostVia { buffer network api }
enum SchedulingType { notification automatic }
enum ShareMode { addToQueue shareNow shareNext customScheduled }
enum PostSortableKey { dueAt createdAt }
enum SortDirection { asc desc }

type Post {
  id: PostId!
  status: PostStatus!
  via: PostVia!
  schedulingType: SchedulingType
  createdAt: DateTime!
  dueAt: DateTime
  text: String!
  channelId: ChannelId!
  shareMode: ShareMode!
}

input PostsInput {
  organizationId: OrganizationId!
  filter: PostsFiltersInput
  sort: [PostSortInput!]
}

input PostsFiltersInput {
  channelIds: [ChannelId!]
  status: [PostStatus!]
}

input PostSortInput {
  field: PostSortableKey!
  direction: SortDirection!
}

type PostsResults {
  edges: [PostsEdge!]
  pageInfo: PaginationPageInfo!
}

type PostsEdge {
  node: Post!
  cursor: String!
}

type PaginationPageInfo {
  startCursor: String
  endCursor: String
  hasPreviousPage: Boolean!
  hasNextPage: Boolean!
}

input CreatePostInput {
  channelId: ChannelId!
  text: String
  schedulingType: SchedulingType!
  mode: ShareMode!
  dueAt: DateTime
  saveToDraft: Boolean
}

input DeletePostInput {
  id: PostId!
}

interface MutationError { message: String! }
type InvalidInputError implements MutationError { message: String! }
type LimitReachedError implements MutationError { message: String! }
type NotFoundError implements MutationError { message: String! }
type RestProxyError implements MutationError { message: String! link: String code: Int }
type UnauthorizedError implements MutationError { message: String! }
type UnexpectedError implements MutationError { message: String! }
type VoidMutationError implements MutationError { message: String! }

type PostActionSuccess { post: Post! }
union PostActionPayload = PostActionSuccess | NotFoundError | UnauthorizedError | UnexpectedError
  | RestProxyError | LimitReachedError | InvalidInputError

type DeletePostSuccess { id: PostId! }
union DeletePostPayload = DeletePostSuccess | VoidMutationError
""")
