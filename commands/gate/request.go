package gate

import (
	"slices"

	"github.com/cedar-policy/cedar-go"

	"gait/ledger"
	"gait/projection"
)

// The entity types of what Cedar is asked.
const (
	typeActor  cedar.EntityType = "Actor"
	typeRole   cedar.EntityType = "Role"
	typeAction cedar.EntityType = "Action"
	typeTarget cedar.EntityType = "Target"
)

// requestOf returns what Cedar is asked about an input with a job and an intent.
func requestOf(in *Input) (cedar.Request, cedar.EntityMap) {
	principal := actorOf(in)
	request := cedar.Request{
		Principal: principal.UID,
		Action:    cedar.NewEntityUID(typeAction, cedar.String(in.Intent.tool)),
		Resource:  cedar.NewEntityUID(typeTarget, cedar.String(in.Intent.target)),
		Context: cedar.NewRecord(cedar.RecordMap{
			"arguments":   in.Intent.context,
			"job":         jobRecord(in),
			"environment": environmentRecord(in.Facts),
			"time":        cedar.NewDatetime(in.Basis.Reading),
		}),
	}
	entities := cedar.EntityMap{principal.UID: principal}
	for role := range principal.Parents.All() {
		entities[role] = cedar.Entity{UID: role}
	}
	for _, uid := range []cedar.EntityUID{request.Action, request.Resource} {
		entities[uid] = cedar.Entity{UID: uid}
	}
	return request, entities
}

// principalOf returns what a policy sees of the actor. An actor is proven by a key in force
// that signed, and an actor who is not proven has no roles.
func principalOf(in *Input) (p principal) {
	if in.principal != nil {
		return *in.principal
	}
	s := in.Basis.Authority
	p.proven = in.Denied == "" && slices.ContainsFunc(in.Keys, func(key ledger.Hash) bool { return s.InForce(in.Actor, key) })
	for _, role := range ledger.Roles {
		if p.proven && s.Has(in.Actor, role) {
			p.roles = append(p.roles, role)
		}
	}
	return p
}

func actorOf(in *Input) cedar.Entity {
	p := principalOf(in)
	var parents []cedar.EntityUID
	var roles []cedar.Value
	for _, role := range p.roles {
		parents = append(parents, cedar.NewEntityUID(typeRole, cedar.String(role)))
		roles = append(roles, cedar.String(role))
	}
	return cedar.Entity{
		UID:        cedar.NewEntityUID(typeActor, cedar.String(in.Actor)),
		Parents:    cedar.NewEntityUIDSet(parents...),
		Attributes: cedar.NewRecord(cedar.RecordMap{"proven": cedar.Boolean(p.proven), "roles": cedar.NewSet(roles...)}),
	}
}

func jobRecord(in *Input) cedar.Record {
	j := in.Job
	labels := cedar.RecordMap{}
	for _, l := range j.Labels {
		labels[cedar.String(l.Key)] = cedar.String(l.Value)
	}
	_, cleared := j.ClearedFor(in.Digest, in.Basis)
	m := cedar.RecordMap{
		"id":                      cedar.String(j.ID),
		"status":                  cedar.String(j.Status),
		"labels":                  cedar.NewRecord(labels),
		"environment_fingerprint": cedar.String(j.EnvironmentFingerprint),
		"submitted_by":            cedar.String(j.SubmittedBy),
		"checkpoints":             cedar.Long(j.Checkpoints),
		"approvals":               cedar.Long(j.Approvals),
		"refusals":                cedar.Long(j.Refusals),
		"allows":                  cedar.Long(j.Allows),
		"blocks":                  cedar.Long(j.Blocks),
		"open_grants":             cedar.Long(grantsOf(j, false)),
		"unknown_grants":          cedar.Long(grantsOf(j, true)),
		"cleared":                 cedar.Boolean(cleared),
	}
	if j.Identity != "" {
		m["identity"] = cedar.String(j.Identity)
	}
	if j.PolicyRef != "" {
		m["policy_ref"] = cedar.String(j.PolicyRef)
	}
	return cedar.NewRecord(m)
}

// grantsOf counts the grants whose outcome is unknown, or those that are open.
func grantsOf(j *projection.Job, unknown bool) (n int) {
	for _, g := range j.Grants {
		if g.Unknown == unknown {
			n++
		}
	}
	return n
}

func environmentRecord(f ledger.GateFacts) cedar.Record {
	m := cedar.RecordMap{}
	if f.EnvironmentFingerprint != "" {
		m["fingerprint"] = cedar.String(f.EnvironmentFingerprint)
	}
	if f.NotDoneExit != 0 {
		m["not_done_exit"] = cedar.Long(f.NotDoneExit)
	}
	return cedar.NewRecord(m)
}
