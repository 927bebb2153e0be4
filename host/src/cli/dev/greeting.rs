//! The greeting of `weir dev`: URLs, organizations and keys, and commands to copy into a shell.

use std::{fmt::Write, path::Path};

use super::credentials::Known;

/// Writes the greeting, with a tour of one organization, or of two that share an event.
pub(super) fn text(url: &str, receiver_url: &str, data: &Path, organizations: &[Known]) -> String {
    let mut text = format!("\nWeir serves on {url} and keeps its data and credentials in {}.\n", data.display());
    match organizations {
        [owner, member, ..] => {
            for organization in organizations {
                let Known { id, slug, plan, api_key } = organization;
                let namespace = organization.namespace();
                let _ = writeln!(text, "Organization {slug} ({plan}), namespace {namespace}, {id}, key {api_key}");
            }
            text += &arrivals(receiver_url);
            text += &two_organizations(url, receiver_url, owner, member);
        }
        _ => {
            for Known { slug, plan, api_key, .. } in organizations {
                let _ = writeln!(text, "Organization {slug} ({plan}), key {api_key}");
                text += &arrivals(receiver_url);
                text += &one_organization(url, receiver_url, api_key);
            }
        }
    }
    text + "\nStop with Ctrl-C."
}

fn arrivals(receiver_url: &str) -> String {
    format!("A receiver on {receiver_url} verifies and shows what arrives.\n")
}

fn one_organization(url: &str, receiver_url: &str, key: &str) -> String {
    format!(
        r#"
Try it:

# 1. Register an event
curl -s {url}/api/v1/events/custom -H 'x-api-key: {key}' -d '{{
  "namespace": "acme", "name": "order.placed", "version": "1.0.0", "status": "published",
  "payloadSchema": {{ "type": "object", "required": ["orderId"], "properties": {{ "orderId": {{ "type": "string" }} }} }}
}}'

# 2. Subscribe the receiver to all its versions
curl -s {url}/api/v1/events/custom/subscribe -H 'x-api-key: {key}' -d '{{
  "name": "acme.order.placed", "webhookUrl": "{receiver_url}"
}}'

# 3. Emit one
curl -s {url}/api/v1/events/custom/emit -H 'x-api-key: {key}' -d '{{
  "name": "acme.order.placed", "payload": {{ "orderId": "o_1" }}
}}'

# 4. Look at its delivery
curl -s '{url}/api/v1/deliveries?limit=1' -H 'x-api-key: {key}'
"#
    )
}

/// Writes commands that pass ids on in shell variables, so that all of them can be copied at once.
fn two_organizations(url: &str, receiver_url: &str, owner: &Known, member: &Known) -> String {
    let (owner_slug, namespace, owner_key) = (&owner.slug, owner.namespace(), &owner.api_key);
    let (member_slug, member_id, member_key) = (&member.slug, &member.id, &member.api_key);
    let (owner_caps, member_caps) = (owner_slug.to_uppercase(), member_slug.to_uppercase());
    format!(
        r#"
Try it: {owner_slug} shares an event with {member_slug}.

URL={url}
RECEIVER={receiver_url}
{owner_caps}_KEY={owner_key}
{member_caps}_KEY={member_key}
{member_caps}={member_id}
FEDERATION=$URL/api/v1/events/custom/federation

# 1. {owner_slug} registers an event
EVENT=$(curl -s $URL/api/v1/events/custom -H "x-api-key: ${owner_caps}_KEY" -d '{{
  "namespace": "{namespace}", "name": "order.placed", "version": "1.0.0", "status": "published",
  "payloadSchema": {{ "type": "object", "required": ["orderId"], "properties": {{ "orderId": {{ "type": "string" }} }} }}
}}' | grep -o 'cer_[0-9a-z]*' | head -n 1); echo "$EVENT"

# 2. creates a group,
GROUP=$(curl -s $FEDERATION/groups -H "x-api-key: ${owner_caps}_KEY" -d '{{ "name": "Partners" }}' |
  grep -o 'cefg_[0-9a-z]*' | head -n 1); echo "$GROUP"

# 3. and invites {member_slug},
curl -s $FEDERATION/groups/$GROUP/invite -H "x-api-key: ${owner_caps}_KEY" -d "{{ \"memberOrganizationId\": \"${member_caps}\" }}"

# 4. which accepts.
curl -s -X POST $FEDERATION/groups/$GROUP/accept -H "x-api-key: ${member_caps}_KEY"

# 5. {owner_slug} pushes the event's version to the group
curl -s $FEDERATION/groups/$GROUP/pushes -H "x-api-key: ${owner_caps}_KEY" -d "{{ \"registrationId\": \"$EVENT\" }}"

# 6. {member_slug} subscribes the receiver to an event that it never registered
curl -s $URL/api/v1/events/custom/subscribe -H "x-api-key: ${member_caps}_KEY" -d "{{
  \"name\": \"{namespace}.order.placed\", \"version\": \"1.0.0\", \"webhookUrl\": \"$RECEIVER\"
}}"

# 7. {owner_slug} emits one; the receiver shows it arrive at {member_slug}, with isFederationRelay and sourceOrganizationId
curl -s $URL/api/v1/events/custom/emit -H "x-api-key: ${owner_caps}_KEY" -d '{{
  "name": "{namespace}.order.placed", "payload": {{ "orderId": "o_1" }}
}}'

# 8. A moment later: the log of relays, as {owner_slug} sees it, and the delivery, as {member_slug} does
curl -s $FEDERATION/groups/$GROUP/relays -H "x-api-key: ${owner_caps}_KEY"
curl -s "$URL/api/v1/deliveries?limit=1" -H "x-api-key: ${member_caps}_KEY"
"#
    )
}
