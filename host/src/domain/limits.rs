//! Every bound of the host: a name, a value and the reason. A test by the constant's name in
//! lower case (or listed in `tests/it/rules/limits.rs`) reaches each of them.

/// Bytes of a payload, as received. Contract: 256 KB.
pub const PAYLOAD_BYTES_MAX: usize = 262_144;
/// Bytes of a request body. Room for the largest payload, its envelope and white space, so that
/// an oversized payload is answered by its own code.
pub const REQUEST_BODY_BYTES_MAX: usize = 1_048_576;
/// Levels of nested `properties` and `items` in a schema, the root being 1. Contract.
pub const SCHEMA_DEPTH_MAX: usize = 5;
/// Keys of all `properties` maps of a schema together. Contract.
pub const SCHEMA_PROPERTIES_MAX: usize = 50;
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
/// Violations shown for one refused payload. Contract 2.5.
pub const PAYLOAD_ERRORS_SHOWN_MAX: usize = 20;
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
/// Deliveries that housekeeping deletes in one transaction: whoever accepts meanwhile waits for it,
/// and should not notice.
pub const RETENTION_ROWS_MAX: i64 = 500;

// Schemas, secrets, retries and outgoing requests.

/// Bytes of a schema's text. Fifty properties with long descriptions fit many times.
pub const SCHEMA_TEXT_BYTES_MAX: usize = 262_144;
/// Subschemas of a schema. Fifty properties with branches and annotations stay far below.
pub const SCHEMA_SUBSCHEMAS_MAX: usize = 2_000;
/// How deep subschemas and references nest when a schema is walked: walking uses the stack.
pub const SCHEMA_NESTING_MAX: usize = 128;
/// Subschemas that apply to one value through branches and references. A union of a hundred
/// types stays below; references that double thirty times do not.
pub const SCHEMA_EXPANSION_MAX: usize = 1_000;
/// Branches and references that follow one another at one value: each costs stack at each check.
pub const SCHEMA_CHAIN_MAX: usize = 24;
/// Different regular expressions of a schema: as many as it may have properties.
pub const SCHEMA_PATTERNS_MAX: usize = 50;
/// Bytes of a regular expression's text.
pub const SCHEMA_PATTERN_BYTES_MAX: usize = 1_024;
/// Characters of a regular expression with its repetitions written out, as `(ab){3}` has six:
/// the slowest text costs time in proportion to them. E-mail addresses take 130.
pub const SCHEMA_PATTERN_PLACES_MAX: usize = 1_024;
/// Bytes of a compiled regular expression. Classes of letters in all scripts fit four times.
pub const SCHEMA_PATTERN_COMPILED_BYTES_MAX: usize = 128 * 1_024;
/// Steps of one check of a payload, where a step is a look at a value or a byte of a text (more
/// where expensive patterns read it): never much more than a second. Payloads of the largest size
/// take some hundred thousand; a recursive schema could take any number.
pub const CHECK_STEPS_MAX: u32 = 16_000_000;
/// Steps of a check on a thread that serves: some hundred microseconds at worst, and more than any
/// payload of a few kilobytes takes. A check that needs more is begun again beside those threads.
pub const QUICK_CHECK_STEPS_MAX: u32 = 10_000;
/// Steps to find out what is wrong with a payload: fewer, because what is found takes memory.
pub const EXPLAIN_STEPS_MAX: u32 = 4_000_000;
/// How deep a check follows a payload: each level costs stack. Only recursive schemas follow
/// further than their own levels.
pub const CHECK_DEPTH_MAX: u16 = 64;
/// Levels of a payload times the longest chain of branches and references that applies to one value:
/// what nests at once, and each costs up to three kilobytes of stack in a development build. So a
/// recursive schema whose chain is longer than four follows payloads less deep.
pub const CHECK_NESTING_MAX: usize = 256;
/// Bytes of compiled schemas kept in memory: some ten thousand usual ones, or twenty of the
/// largest. The others are compiled again when they are needed.
pub const VALIDATOR_CACHE_BYTES_MAX: usize = 128 << 20;
/// Characters of one message about a refused payload: it may name members, which may be long.
pub const PAYLOAD_ERROR_CHARS_MAX: usize = 300;
/// Steps of the proof that a new schema takes what the old one took, where a step is a look at a
/// rule or at some states of a pattern. Schemas with fifty properties take some hundred to some
/// thousand; these take about twenty milliseconds.
pub const COMPARISON_STEPS_MAX: u32 = 100_000;
/// How deep the steps of that proof nest: each level costs stack. Fifteen levels of branches in
/// one another stay below.
pub const COMPARISON_DEPTH_MAX: usize = 100;
/// Steps of the search for a payload that shows why the proof failed: most are found within some
/// hundred.
pub const COUNTEREXAMPLE_STEPS_MAX: u32 = 200_000;
/// Violations shown for one refused schema, as many as for a refused payload.
pub const SCHEMA_VIOLATIONS_SHOWN_MAX: usize = 20;
/// Characters of a signing secret that a caller chose: fewer are guessed, more help nobody.
pub const SECRET_CHARS_MIN: usize = 8;
/// See [`SECRET_CHARS_MIN`]. Contract 7.5.
pub const SECRET_CHARS_MAX: usize = 256;
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
/// Bytes that are kept of the body of an answer, for the owner of the target to see.
pub const SNIPPET_BYTES_MAX: usize = 1_024;
/// Idle connections kept to one target: as many deliveries as are in flight to a busy one.
pub const OUTBOUND_IDLE_CONNECTIONS_MAX: usize = 128;

// Routing and delivery.

/// Candidates of one call of a router: more are offered in further calls, so that neither memory
/// nor the time of one call grows with the subscriptions of an event.
pub const ROUTER_CANDIDATES_MAX: usize = 1_000;
/// Deliveries to one subscription under way at once, unless it asks for another number.
pub const DELIVERIES_PER_SUBSCRIPTION_MAX: usize = 64;
/// Deliveries under way at once to an endpoint of which nothing is known yet: so few that a dozen
/// new ones that hang leave most of an organization's share to the others.
pub const FLOW_WINDOW_START: usize = 4;
/// Deliveries under way at once, unless set: each is a socket and its buffers. An organization may
/// hold a quarter, so that an event of some hundred endpoints goes to all of them at once.
pub const DELIVERIES_MAX_DEFAULT: u32 = 2_048;
/// Seconds that an endpoint may do nothing but fail before it is switched off, unless set: five
/// days, so that a long weekend without anybody at work is survived.
pub const DISABLE_AFTER_SECONDS_DEFAULT: u64 = 5 * 86_400;
/// Replays of one subscription that are not finished: more are asked for by mistake.
pub const REPLAYS_PER_SUBSCRIPTION_MAX: usize = 16;
/// Bytes of a filter without white space: a thousand of them go into one call of the router, and are
/// read for every event. `EventBridge` takes half as many.
pub const FILTER_BYTES_MAX: usize = 4_096;
/// Alternatives of a filter, each value of a list counted: every one of them is compared with every
/// item of a list in the payload.
pub const FILTER_ALTERNATIVES_MAX: usize = 100;
/// Levels of objects in a filter: more than any schema has, and few enough for the stack.
pub const FILTER_DEPTH_MAX: usize = 32;
/// Ways in which branches of a schema may be combined when a filter is checked against it. A union
/// of a hundred types stays below; beyond that, what branches say is left out.
pub const FILTER_SHAPES_MAX: usize = 256;
/// Schemas that a filter is checked against. A subscription to more events than that is wide enough
/// that some may match.
pub const FILTER_SCHEMAS_MAX: usize = 50;
/// Steps of one check of a filter against a schema: milliseconds. What is not decided by then is
/// given the benefit of the doubt.
pub const FILTER_STEPS_MAX: u32 = 2_000;
/// Connections of callers at once, unless set: idle ones cost some kilobytes and a file each, and
/// common systems allow four thousand files and more on demand.
pub const CONNECTIONS_MAX_DEFAULT: u32 = 4_096;
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
