//! Every limit of the host: a name, a value and the reason. A test by the constant's name in lower case
//! (or listed in `tests/it/rules/limits.rs`) reaches each of them.

/// Bytes of a payload, as received. Contract: 256 KB.
pub const PAYLOAD_BYTES_MAX: usize = 262_144;
/// Levels of objects and lists in one another of a payload: more than that only a loop writes, and readers
/// that call themselves for each level give up near here.
pub const PAYLOAD_DEPTH_MAX: usize = 127;
/// Bytes of a request body. Room for the largest payload, its envelope and white space, so that
/// an oversized payload is answered by its own code.
pub const REQUEST_BODY_BYTES_MAX: usize = 1_048_576;
/// Bytes of all request bodies that are arriving or being worked on at once: enough for ten thousand usual
/// emits, and little beside what a host needs otherwise. Beyond it bodies are refused before they are read.
pub const BODIES_BYTES_MAX: usize = 64 << 20;
/// Those of one organization, whichever of its keys it sends: a quarter of all, so that one that does not finish
/// its bodies keeps no other from sending.
pub const BODIES_ORGANIZATION_BYTES_MAX: usize = 16 << 20;
/// Characters of an idempotency key: longer ones are mistakes, and the key stands in an index.
pub const IDEMPOTENCY_KEY_CHARS_MAX: usize = 255;
/// Hours for which the answer to a request with an idempotency key is kept; those of emits are
/// kept as long as the emit. Contract 1.11.
pub const IDEMPOTENCY_WINDOW_HOURS: i64 = 24;
/// Bytes of an answer that is kept. The largest registration, as its detail, fits twice.
pub const IDEMPOTENCY_ANSWER_BYTES_MAX: usize = 2 << 20;
/// Characters of a free text such as a description or a display name.
pub const TEXT_CHARS_MAX: usize = 4_096;
/// Characters of a URL: what common servers accept in a request line.
pub const URL_CHARS_MAX: usize = 2_048;
/// Bytes of the host name of a URL: what DNS allows.
pub const HOST_NAME_BYTES_MAX: usize = 253;
/// Bytes of one label of a host name: what DNS allows.
pub const HOST_LABEL_BYTES_MAX: usize = 63;
/// Characters of an organization's slug: what DNS allows for one label.
pub const SLUG_CHARS_MAX: usize = 63;
/// Event types of one subscription.
pub const EVENT_TYPES_MAX: usize = 100;
/// Characters of one event type: prefix, ids, name and version fit twice.
pub const EVENT_TYPE_CHARS_MAX: usize = 256;
/// Labels of one subscription: words for a router, not a database.
pub const LABELS_MAX: usize = 32;
/// Characters of a label's name, and of its value.
pub const LABEL_CHARS_MAX: usize = 128;
/// Headers that a subscription adds to each delivery: a token or two, and what a gateway wants.
pub const STATIC_HEADERS_MAX: usize = 20;
/// Bytes of their names and values: half of what a request may have, so that the host's own fit.
pub const STATIC_HEADER_BYTES_MAX: usize = 4_096;
/// Deliveries under way at once that a subscription may ask to be held to. Contract 14.3.
pub const MAX_IN_FLIGHT_MAX: u32 = 100;
/// Attempts per second that a subscription may ask to be held to: more is no limit.
pub const RATE_LIMIT_PER_SECOND_MAX: u32 = 10_000;
/// Seconds for which two secrets sign while one is replaced: a week. Contract 14.2.
pub const SECRET_OVERLAP_SECONDS_MAX: u32 = 604_800;
/// Rows of one page of a list. Contract 1.9.
pub const PAGE_ROWS_MAX: u32 = 100;
/// Rows of a page when the caller does not say. Python's clients assume it.
pub const PAGE_ROWS_DEFAULT: u32 = 20;
/// Rows of a page of the marketplace when the caller does not say. Contract 1.9.
pub const LISTINGS_DEFAULT: u32 = 25;
/// Characters of a listing's title. Contract 3.
pub const TITLE_CHARS_MIN: usize = 3;
/// Characters of a listing's title: one line of a list.
pub const TITLE_CHARS_MAX: usize = 200;
/// Tags of a listing: more describe everything, and so nothing.
pub const TAGS_MAX: usize = 20;
/// Characters of a tag: a few words.
pub const TAG_CHARS_MAX: usize = 50;
/// Characters of a search term: longer than a title is no search.
pub const SEARCH_CHARS_MAX: usize = 200;
/// Characters of the name of a federation group. Contract 4.2.
pub const GROUP_NAME_CHARS_MIN: usize = 3;
/// See [`GROUP_NAME_CHARS_MIN`].
pub const GROUP_NAME_CHARS_MAX: usize = 80;
/// Characters of the label of an external peer: the name of a company with its department.
pub const PEER_LABEL_CHARS_MAX: usize = 200;
/// Links of a chain of emits caused by components. Contract 2.5.
pub const CHAIN_DEPTH_MAX: u32 = 50;

/// Days for which events, attempts and dead letters are kept unless the operator says otherwise.
/// Contract 4, where it is the age of the relay log.
pub const RETENTION_DAYS_DEFAULT: u32 = 90;
/// Old rows that housekeeping looks at in one statement: a few milliseconds on a busy disk.
pub const RETENTION_PAGE_ROWS: u32 = 100;
/// Deliveries that housekeeping deletes in one transaction: emits that are accepted meanwhile wait for it,
/// and should not be noticeably late.
pub const RETENTION_ROWS_MAX: i64 = 500;

// Reads of the database.

/// Reads of organizations' requests under way at once: three quarters of the connections, so that access,
/// routing and deliveries never wait for a list.
pub const READS_AT_ONCE_MAX: usize = 12;
/// Those of one organization: a quarter of the connections, so that slow lists of one leave the others theirs.
pub const READS_PER_ORGANIZATION_MAX: usize = 4;
/// Reads of one organization that wait for their turn: more than its clients send at once, and few enough to be
/// answered while they wait.
pub const READS_WAITING_PER_ORGANIZATION_MAX: usize = 64;
/// Milliseconds that a statement may take that only reads, as on PostgreSQL: with the wait for a place and a
/// connection a request ends before its client stops waiting.
pub const READ_STATEMENT_MS_MAX: u64 = 4_000;
/// Rows that are counted for the `total` of a list: counting takes some tens of milliseconds, however much an
/// organization has stored. A `total` of that many means at least so many.
pub const LIST_TOTAL_MAX: i64 = 100_000;

// Schemas, secrets, retries and outgoing requests.

/// Bytes of compiled schemas kept in memory: some ten thousand usual ones, or twenty of the
/// largest. The others are compiled again when they are needed.
pub const VALIDATOR_CACHE_BYTES_MAX: usize = 128 << 20;
/// Bytes of endpoints kept in memory, with the lists of those that events are offered to. Beyond it the
/// organizations that have most there are read again when they are needed.
pub const ENDPOINTS_BYTES_MAX: usize = 256 << 20;
/// Those of one organization: a quarter of all, and room for fifty thousand usual endpoints. The others are read
/// for each event.
pub const ENDPOINTS_ORGANIZATION_BYTES_MAX: usize = 64 << 20;
/// Characters of a signing secret that a caller chose: fewer can be guessed.
pub const SECRET_CHARS_MIN: usize = 8;
/// See [`SECRET_CHARS_MIN`]. Contract 7.5.
pub const SECRET_CHARS_MAX: usize = 256;
/// Bytes of a key of Standard Webhooks, which asks for no fewer: a secret with fewer signs in the platform's own
/// headers only.
pub const STANDARD_KEY_BYTES_MIN: usize = 24;
/// See [`STANDARD_KEY_BYTES_MIN`].
pub const STANDARD_KEY_BYTES_MAX: usize = 64;
/// Steps of a retry schedule. Contract 14.3.
pub const RETRY_STEPS_MAX: usize = 20;
/// Seconds of one step of a retry schedule: a day. Contract 14.3.
pub const RETRY_STEP_SECONDS_MAX: u32 = 86_400;
/// Headers of an outgoing request: what an adapter may set, and what the host adds. Common servers
/// refuse more than a hundred.
pub const OUTBOUND_HEADERS_MAX: usize = 96;
/// Bytes of their names and values: what common servers read.
pub const OUTBOUND_HEADER_BYTES_MAX: usize = 8_192;
/// Bytes of the body of an outgoing request: an envelope with the largest payload in it twice
/// (contract 7.1), and room to spare.
pub const OUTBOUND_BODY_BYTES_MAX: usize = 1_048_576;
/// Bytes that are read of the body of an answer. Contract 7.1 ignores it; reading a little keeps
/// the connection.
pub const OUTBOUND_ANSWER_BYTES_MAX: usize = 65_536;
/// Headers of an answer: ten times what servers commonly send, so that an answer is judged by its status.
pub const OUTBOUND_ANSWER_HEADERS_MAX: usize = 1_000;
/// Bytes that are kept of the body of an answer, for the owner of the target to see.
pub const SNIPPET_BYTES_MAX: usize = 1_024;
/// Idle connections kept to one target: as many deliveries as are in flight to a busy one.
pub const OUTBOUND_IDLE_CONNECTIONS_MAX: usize = 128;

// Routing and delivery.

/// Bytes of accepted emits that wait in memory to be routed, of all organizations: beyond that they
/// wait in the table.
pub const ROUTING_QUEUE_BYTES_MAX: usize = 64 << 20;
/// Bytes of one organization's emits that wait in memory to be routed: a quarter of all, and a second
/// of its traffic.
pub const ROUTING_QUEUE_ORGANIZATION_BYTES_MAX: usize = 16 << 20;
/// Fuel of all calls of a router that decide one event on the thread that routes: about two milliseconds,
/// some twenty times of what a thousand ordinary filters take. What needs more is routed beside the others.
pub const QUICK_CHOICE_FUEL_MAX: u64 = 20_000_000;
/// Refused emits of one organization that are announced one by one within a second: enough for a person who
/// tries. Further ones are announced together, because each announcement is an event with deliveries.
pub const REFUSALS_ANNOUNCED_MAX: usize = 5;
/// Kinds of refusals, by code and event, that are told apart when they are announced together: clients choose
/// the names that they ask for.
pub const REFUSAL_KINDS_MAX: usize = 16;
/// Emits that are routed beside the others at once because their filters take long.
pub const SLOW_EMITS_MAX: usize = 256;
/// Those of one organization: calls take turns, so more of them would only wait in memory.
pub const SLOW_EMITS_PER_ORGANIZATION_MAX: usize = 4;
/// Candidates of one call of a router: more are offered in further calls, so that neither memory
/// nor the time of one call grows with the subscriptions of an event.
pub const ROUTER_CANDIDATES_MAX: usize = 1_000;
/// Work of one organization that waits in the pool for what occupies a core, while a request waits for it: checks
/// of payloads that take long, and schemas. More would not be done before clients give up.
pub const COMPUTING_WAITING_MAX: usize = 256;
/// Deliveries to one subscription under way at once, unless it asks for another number.
pub const DELIVERIES_PER_SUBSCRIPTION_MAX: usize = 64;
/// Deliveries under way at once to an endpoint of which nothing is known yet: so few that a dozen
/// new ones that hang leave most of an organization's share to the others.
pub const FLOW_WINDOW_START: usize = 4;
/// Deliveries under way at once, unless set: each is a socket and its buffers. An organization may
/// hold a quarter, so that an event of some hundred endpoints goes to all of them at once.
pub const DELIVERIES_MAX_DEFAULT: u32 = 2_048;
/// Seconds that an endpoint may do nothing but fail before it is switched off, unless set: five
/// days, so that an outage over a long weekend is survived.
pub const DISABLE_AFTER_SECONDS_DEFAULT: u64 = 5 * 86_400;
/// Replays of one subscription that are not finished: more are asked for by mistake.
pub const REPLAYS_PER_SUBSCRIPTION_MAX: usize = 16;
/// Schemas that a filter is checked against. A subscription to more events than that is wide enough
/// that some may match.
pub const FILTER_SCHEMAS_MAX: usize = 50;
/// The deepest schema that `--schema-depth-max` can let in: JSON texts nest 127 levels, and each level
/// of a schema takes two.
pub const SCHEMA_DEPTH_SETTING_MAX: usize = 60;
/// The widest schema that `--schema-properties-max` can let in: as many subschemas as a schema has at
/// most, which bounds what it costs.
pub const SCHEMA_PROPERTIES_SETTING_MAX: usize = 2_000;
/// Connections of callers at once, unless set: idle ones cost some kilobytes and a file each, and
/// common systems allow four thousand files and more on demand.
pub const CONNECTIONS_MAX_DEFAULT: u32 = 4_096;
/// One address may have this part of the connections at once, unless set: that leaves places for other addresses.
pub const CONNECTIONS_ADDRESS_PART: usize = 4;
/// Seconds that a new connection has for the head of its first request: many times what a slow network needs.
/// One that says nothing costs a place, and needs no key for it.
pub const FIRST_HEAD_S_MAX: u64 = 5;
/// Seconds that a connection of a caller may be silent: until the head of the next request is
/// there, and while an answer is not read. A little more than the minute for which common load
/// balancers keep idle connections, so that it is not the host that closes under a request.
pub const CONNECTION_SILENCE_S_MAX: u64 = 75;
/// Bytes of the head of a request: far above what clients send and proxies let through.
pub const REQUEST_HEAD_BYTES_MAX: usize = 65_536;
/// Requests per hour and key, emits aside, unless set. Contract 1.10.
pub const REQUESTS_PER_HOUR_DEFAULT: u32 = 1_000;
/// Emits per hour and key, unless set: plans bound them by the month, so this only stops a loop
/// that has gone wild, at ten thousand a second.
pub const EMITS_PER_HOUR_DEFAULT: u32 = 36_000_000;
/// Organizations that `weir dev` creates: a pair that shares an event, and enough for a ring.
pub const DEV_ORGANIZATIONS_MAX: u32 = 4;
