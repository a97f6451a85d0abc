// Creates, lists, changes, pushes and pulls reflections through the Go client of openapi-generator.
package main

import (
	"context"
	"fmt"
	"os"

	"afterglow"
)

func check(err error, answered string) {
	if err != nil {
		fmt.Println(answered, err)
		os.Exit(1)
	}
}

func main() {
	settings := afterglow.NewConfiguration()
	settings.Servers = afterglow.ServerConfigurations{{URL: os.Args[1]}}
	client := afterglow.NewAPIClient(settings)
	login := afterglow.NewLoginDraft(os.Args[2], os.Args[3])
	tokens, _, err := client.SigningInAPI.Login(context.Background()).LoginDraft(*login).Execute()
	check(err, "login")
	signedIn := context.WithValue(context.Background(), afterglow.ContextAccessToken, tokens.AccessToken)

	draft := afterglow.NewReflectionDraft("Written in Go.")
	created, _, err := client.ReflectionsAPI.CreateReflection(signedIn).ReflectionDraft(*draft).Execute()
	check(err, "create")
	page, _, err := client.ReflectionsAPI.ListReflections(signedIn).Limit(10).Execute()
	check(err, "list")
	if page.Items[0].Id != created.Id {
		check(fmt.Errorf("the newest is %s", page.Items[0].Id), "list")
	}
	patch := afterglow.NewReflectionPatch()
	patch.SetTitle("Changed")
	tag := fmt.Sprintf("\"%d\"", created.Version)
	changed, _, err := client.ReflectionsAPI.ChangeReflection(signedIn, created.Id).IfMatch(tag).ReflectionPatch(*patch).Execute()
	check(err, "change")

	set := afterglow.NewReflectionPatch()
	set.SetMood(7)
	op := afterglow.NewReflectionSyncOp("upsert", "reflections", created.Id)
	op.SetSet(*set)
	op.SetBase(changed.Version)
	push := afterglow.NewSyncPush([]afterglow.SyncOperation{afterglow.ReflectionSyncOpAsSyncOperation(op)})
	pushed, _, err := client.SyncAPI.PushChanges(signedIn).SyncPush(*push).Execute()
	check(err, "push")
	result := pushed.Results[0].SyncResult.ReflectionSyncResult
	if result.Outcome != afterglow.OPOUTCOME_APPLIED || result.Record.Get().GetMood() != 7 {
		check(fmt.Errorf("%v", result.Outcome), "push")
	}
	since, found := "0", false
	for {
		pulled, _, err := client.SyncAPI.PullChanges(signedIn).Since(since).Execute()
		check(err, "pull")
		for _, change := range pulled.Changes {
			each := change.ReflectionSyncChange
			found = found || each != nil && each.Id == created.Id && each.Version == result.GetVersion()
		}
		since = pulled.Cursor
		if !pulled.HasMore {
			break
		}
	}
	if !found {
		check(fmt.Errorf("the reflection is missing"), "pull")
	}
	fmt.Println("openapi-generator, Go:", created.Id, "created, listed, changed, pushed and pulled")
}
