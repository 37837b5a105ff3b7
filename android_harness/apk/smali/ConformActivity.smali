# Judges the vectors of the APK on this phone, off the main thread, and says in the log how it ended.
#
#   adb shell am start -n org.picodeploy.conform/.ConformActivity [--es kernels scalar]
.class public final Lorg/picodeploy/conform/ConformActivity;
.super Landroid/app/Activity;
.implements Ljava/lang/Runnable;

.field private view:Landroid/widget/TextView;

.method public constructor <init>()V
    .registers 1
    invoke-direct {p0}, Landroid/app/Activity;-><init>()V
    return-void
.end method

.method protected onCreate(Landroid/os/Bundle;)V
    .registers 4
    invoke-super {p0, p1}, Landroid/app/Activity;->onCreate(Landroid/os/Bundle;)V
    new-instance v0, Landroid/widget/TextView;
    invoke-direct {v0, p0}, Landroid/widget/TextView;-><init>(Landroid/content/Context;)V
    iput-object v0, p0, Lorg/picodeploy/conform/ConformActivity;->view:Landroid/widget/TextView;
    const-string v1, "judging the conformance vectors"
    invoke-virtual {v0, v1}, Landroid/widget/TextView;->setText(Ljava/lang/CharSequence;)V
    invoke-virtual {p0, v0}, Lorg/picodeploy/conform/ConformActivity;->setContentView(Landroid/view/View;)V
    new-instance v0, Ljava/lang/Thread;
    invoke-direct {v0, p0}, Ljava/lang/Thread;-><init>(Ljava/lang/Runnable;)V
    invoke-virtual {v0}, Ljava/lang/Thread;->start()V
    return-void
.end method

.method public run()V
    .registers 4
    :try_start
    invoke-direct {p0}, Lorg/picodeploy/conform/ConformActivity;->judge()Ljava/lang/String;
    move-result-object v0
    :try_end
    .catch Ljava/lang/Throwable; {:try_start .. :try_end} :failed
    const-string v1, "pico_conform"
    invoke-static {v1, v0}, Landroid/util/Log;->i(Ljava/lang/String;Ljava/lang/String;)I
    goto :say
    :failed
    move-exception v0
    const-string v1, "pico_conform"
    const-string v2, "failed"
    invoke-static {v1, v2, v0}, Landroid/util/Log;->e(Ljava/lang/String;Ljava/lang/String;Ljava/lang/Throwable;)I
    invoke-virtual {v0}, Ljava/lang/Throwable;->toString()Ljava/lang/String;
    move-result-object v0
    :say
    new-instance v1, Lorg/picodeploy/conform/Shown;
    iget-object v2, p0, Lorg/picodeploy/conform/ConformActivity;->view:Landroid/widget/TextView;
    invoke-direct {v1, v2, v0}, Lorg/picodeploy/conform/Shown;-><init>(Landroid/widget/TextView;Ljava/lang/String;)V
    invoke-virtual {p0, v1}, Lorg/picodeploy/conform/ConformActivity;->runOnUiThread(Ljava/lang/Runnable;)V
    return-void
.end method

# String judge(): unpack, judge, and how it ended. The results get their name when they are complete.
.method private judge()Ljava/lang/String;
    .registers 8
    new-instance v0, Ljava/io/File;
    invoke-virtual {p0}, Lorg/picodeploy/conform/ConformActivity;->getFilesDir()Ljava/io/File;
    move-result-object v1
    const-string v2, "vectors"
    invoke-direct {v0, v1, v2}, Ljava/io/File;-><init>(Ljava/io/File;Ljava/lang/String;)V
    invoke-static {v0}, Lorg/picodeploy/conform/Vectors;->remove(Ljava/io/File;)V
    invoke-virtual {p0}, Lorg/picodeploy/conform/ConformActivity;->getAssets()Landroid/content/res/AssetManager;
    move-result-object v1
    const-string v2, "vectors.zip"
    invoke-virtual {v1, v2}, Landroid/content/res/AssetManager;->open(Ljava/lang/String;)Ljava/io/InputStream;
    move-result-object v1
    invoke-static {v1, v0}, Lorg/picodeploy/conform/Vectors;->unpack(Ljava/io/InputStream;Ljava/io/File;)V

    # v1: where `adb pull` reaches, or the app's own folder on a phone without one
    const/4 v1, 0x0
    invoke-virtual {p0, v1}, Lorg/picodeploy/conform/ConformActivity;->getExternalFilesDir(Ljava/lang/String;)Ljava/io/File;
    move-result-object v1
    if-nez v1, :have_folder
    invoke-virtual {p0}, Lorg/picodeploy/conform/ConformActivity;->getFilesDir()Ljava/io/File;
    move-result-object v1
    :have_folder
    new-instance v2, Ljava/io/File;
    const-string v3, "conform.jsonl"
    invoke-direct {v2, v1, v3}, Ljava/io/File;-><init>(Ljava/io/File;Ljava/lang/String;)V
    new-instance v3, Ljava/io/File;
    const-string v4, "conform.jsonl.part"
    invoke-direct {v3, v1, v4}, Ljava/io/File;-><init>(Ljava/io/File;Ljava/lang/String;)V
    invoke-virtual {v2}, Ljava/io/File;->delete()Z

    # v1: the kernel set that was asked for, empty for the best
    invoke-virtual {p0}, Lorg/picodeploy/conform/ConformActivity;->getIntent()Landroid/content/Intent;
    move-result-object v1
    const-string v4, "kernels"
    invoke-virtual {v1, v4}, Landroid/content/Intent;->getStringExtra(Ljava/lang/String;)Ljava/lang/String;
    move-result-object v1
    if-nez v1, :have_kernels
    const-string v1, ""
    :have_kernels
    invoke-virtual {v0}, Ljava/io/File;->getPath()Ljava/lang/String;
    move-result-object v0
    invoke-virtual {v3}, Ljava/io/File;->getPath()Ljava/lang/String;
    move-result-object v4
    invoke-static {v0, v4, v1}, Lorg/picodeploy/conform/Conform;->run(Ljava/lang/String;Ljava/lang/String;Ljava/lang/String;)I
    move-result v0
    invoke-virtual {v3, v2}, Ljava/io/File;->renameTo(Ljava/io/File;)Z

    new-instance v1, Ljava/lang/StringBuilder;
    const-string v3, "exit code "
    invoke-direct {v1, v3}, Ljava/lang/StringBuilder;-><init>(Ljava/lang/String;)V
    invoke-virtual {v1, v0}, Ljava/lang/StringBuilder;->append(I)Ljava/lang/StringBuilder;
    const-string v0, " (0: all exact, 11: some differ, 3: not the set), results in "
    invoke-virtual {v1, v0}, Ljava/lang/StringBuilder;->append(Ljava/lang/String;)Ljava/lang/StringBuilder;
    invoke-virtual {v2}, Ljava/io/File;->getPath()Ljava/lang/String;
    move-result-object v0
    invoke-virtual {v1, v0}, Ljava/lang/StringBuilder;->append(Ljava/lang/String;)Ljava/lang/StringBuilder;
    invoke-virtual {v1}, Ljava/lang/StringBuilder;->toString()Ljava/lang/String;
    move-result-object v0
    return-object v0
.end method
