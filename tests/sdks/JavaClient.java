import afterglow.ApiClient;
import afterglow.api.ReflectionsApi;
import afterglow.api.SigningInApi;
import afterglow.api.SyncApi;
import afterglow.model.LoginDraft;
import afterglow.model.OpOutcome;
import afterglow.model.ReflectionDraft;
import afterglow.model.ReflectionPatch;
import afterglow.model.ReflectionSyncChange;
import afterglow.model.ReflectionSyncOp;
import afterglow.model.ReflectionSyncResult;
import afterglow.model.SyncOperation;
import afterglow.model.SyncPush;
import afterglow.model.SyncResult;
import java.util.List;

/** Creates, lists, changes, pushes and pulls reflections through the Java client of openapi-generator. */
public final class JavaClient {
  private static void check(boolean holds, String answered) {
    if (!holds) throw new IllegalStateException(answered);
  }

  public static void main(String[] given) throws Exception {
    ApiClient client = new ApiClient();
    client.updateBaseUri(given[0]);
    String token = new SigningInApi(client).login(new LoginDraft().email(given[1]).password(given[2])).getAccessToken();
    client.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + token));
    ReflectionsApi reflections = new ReflectionsApi(client);
    SyncApi sync = new SyncApi(client);

    var created = reflections.createReflection(new ReflectionDraft().body("Written in Java."));
    var page = reflections.listReflections(10, null, null, null, null, null, null);
    check(page.getItems().get(0).getId().equals(created.getId()), "list");
    String tag = "\"" + created.getVersion() + "\"";
    var changed = reflections.changeReflection(created.getId(), tag, new ReflectionPatch().title("Changed"));

    var op = new ReflectionSyncOp()
        .op(ReflectionSyncOp.OpEnum.UPSERT)
        .collection(ReflectionSyncOp.CollectionEnum.REFLECTIONS)
        .id(created.getId())
        .set(new ReflectionPatch().mood(7))
        .base(changed.getVersion());
    var pushed = sync.pushChanges(new SyncPush().ops(List.of(new SyncOperation(op))));
    var known = (SyncResult) pushed.getResults().get(0).getActualInstance();
    var result = (ReflectionSyncResult) known.getActualInstance();
    check(result.getOutcome() == OpOutcome.APPLIED && result.getRecord().getMood() == 7, "push");

    boolean found = false;
    String since = "0";
    for (boolean more = true; more; ) {
      var pulled = sync.pullChanges(since, null, null, null);
      for (var each : pulled.getChanges()) {
        found |= each.getActualInstance() instanceof ReflectionSyncChange change
            && change.getId().equals(created.getId())
            && change.getVersion().equals(result.getVersion());
      }
      since = pulled.getCursor();
      more = pulled.getHasMore();
    }
    check(found, "pull");
    System.out.println("openapi-generator, Java: " + created.getId() + " created, listed, changed, pushed and pulled");
  }
}
